"""The names of a run's files are written in vael.runs, and nowhere else."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "vael"
NAMES = {
    "best.ckpt",
    "last.ckpt",
    "summary.json",
    "metrics.csv",
    "evaluation.json",
    "train.log",
    "stop.json",
}
FILES = [path for path in SRC.rglob("*.py") if path.parent.name != "runs"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_a_name_of_the_run_folder_is_a_literal_of_runs(path):
    texts = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    found = [text for text in texts if text.rsplit("/", 1)[-1] in NAMES and " " not in text]
    assert not found, f"{path} names {found}: take it from vael.runs.folder.RunFolder"
