"""One thread, no network, no account, an own cache: what every test starts from."""

import os
from pathlib import Path

os.environ.update({"WANDB_MODE": "disabled", "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"})
if "PYTEST_XDIST_WORKER" in os.environ:  # others work beside it
    os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch

torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]
pytest_plugins = ["browser", "cluster.fixtures"]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Decoded data of the tests goes to a folder of their own."""
    os.environ["VAEL_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def shared():
    """The folder of real data beside the checkout."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs the real images in ../shared/data, which are not here")
    return path
