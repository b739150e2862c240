"""The layers of the packages: kept by import-linter, drawn in docs/architecture.md."""

import re
import subprocess
import sys
import tomllib

import pytest
from helpers.runs import ROOT

SRC = ROOT / "src" / "vael"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
(LAYERS,) = [c["layers"] for c in CONTRACTS["contracts"] if c["id"] == "layers"]
TORCH_FREE = (
    "vael",
    "vael.cli.main",
    "vael.config.compose",
    "vael.config.validate",
    "vael.distributed.supervisor",
    "vael.metrics.catalog",
    "vael.report.page",
    "vael.runs.comparison",
    "vael.runs.creation",
    "vael.runs.evaluation_file",
    "vael.runs.metrics_csv",
    "vael.runs.provenance",
    "vael.runs.summary",
    "vael.sweep.engines.local",
    "vael.sweep.engines.ray_cluster",
    "vael.sweep.engines.ray_tasks",
    "vael.sweep.engines.slurm",
    "vael.sweep.plan",
    "vael.sweep.report.page",
    "vael.sweep.workers.worker",
    "vael.training.launch",
    "vael.training.postmortem",
)


def names(layer):
    return [name.strip() for name in re.split(r"[|:]", layer)]


def test_every_import_goes_down():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import *; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", TORCH_FREE)
def test_it_imports_no_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_page_and_the_picture_show_every_layer():
    page = (ROOT / "docs" / "architecture.md").read_text()
    shown = re.findall(r"^\| (\d) \| (.*?) \|", page, re.MULTILINE)
    height = {name: int(n) for n, cell in shown for name in re.findall(r"`(\w+)`", cell)}
    drawn = re.findall(r'class="p">(\w+)<', (ROOT / "docs" / "layers.svg").read_text())
    wanted = {name: len(LAYERS) - 1 - i for i, layer in enumerate(LAYERS) for name in names(layer)}
    assert height == wanted
    assert set(drawn) == set(wanted)


def test_few_modules_stand_in_the_root():
    assert len([p for p in SRC.glob("*.py") if not p.name.startswith("__")]) <= 6
