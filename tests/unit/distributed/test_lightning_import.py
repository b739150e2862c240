"""A training process holds neither scipy nor matplotlib before it needs them."""

import subprocess
import sys

PROGRAM = """
import sys
from vael.distributed.lightning_import import import_lightning
import_lightning()
import vael.training.fit
assert not {"scipy", "matplotlib"} & sys.modules.keys()

import scipy.stats, matplotlib.pyplot, torch
from lightning_utilities.core.imports import RequirementCache, package_available
from torchmetrics.functional.image import structural_similarity_index_measure as ssim
assert package_available("scipy") and RequirementCache("matplotlib")
x = torch.rand(1, 1, 16, 16)
assert abs(ssim(x, x) - 1) < 1e-5
"""


def test_what_is_left_out_can_be_imported_afterwards():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
