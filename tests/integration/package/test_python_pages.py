"""The notebook and the page about Python run from top to bottom, in an empty folder."""

import json
import os
import re
import subprocess
import sys

import pytest
from helpers.runs import ROOT

NOTEBOOK = json.loads((ROOT / "docs" / "notebooks" / "digits.ipynb").read_text())
PAGE = (ROOT / "docs" / "python.md").read_text()


def code_of_the_notebook():
    cells = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 6
    assert all(cell["outputs"] == [] for cell in cells)
    return ["".join(cell["source"]) for cell in cells] + [
        "assert run.scores['test/bpd'] < 3, run",  # 17 levels without a model: log2 17 = 4.1
        "assert len(found.trials) == 4 and found.best.scores",
        "assert len(plt.get_fignums()) == 2",
    ]


def code_of_the_page():
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 5
    return [*blocks, "assert model.sample(2).shape == (2, 1, 8, 8) and len(found.trials) == 4"]


@pytest.mark.slow
@pytest.mark.parametrize("code", [code_of_the_notebook, code_of_the_page])
def test_it_runs_from_top_to_bottom(code, tmp_path):
    (tmp_path / "all.py").write_text("\n".join(code()))
    environment = {**os.environ, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "all.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
