"""The names of a run's files are written in vael.runs, and nowhere else."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "vael"
OWN = {  # no other folder has files of these names
    *("best.ckpt", "last.ckpt", ".ckpt", "summary.json", "metrics.csv", "evaluation.json"),
    *("train.log", "stop.json", "profile.txt"),
}
SHARED = {"config.yaml", "report.html", "images", "checkpoints", "wandb"}
"""An export has a config.yaml, too, a sweep a report.html, torch.hub checkpoints: in their paths
these are named constants. In a path that is a literal they would be a run's."""
JOINS = {"Path", "joinpath", "with_name", "glob", "rglob"}
TREES = {
    str(path.relative_to(SRC)): ast.parse(path.read_text())
    for path in SRC.rglob("*.py")
    if path.parent.name != "runs"
}


def texts(node):
    """The literals in an expression, those of an f-string too."""
    return [
        inner.value
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    ]


def joined(tree):
    """The literals that are joined to paths."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            yield from texts(node.right)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            if name in JOINS:
                yield from (text for argument in node.args for text in texts(argument))


@pytest.mark.parametrize("path", TREES)
def test_a_name_of_the_run_folder_is_a_literal_of_runs(path):
    found = [text for text in texts(TREES[path]) if text.rsplit("/", 1)[-1] in OWN]
    found += [text for text in joined(TREES[path]) if SHARED & set(text.split("/"))]
    assert not found, f"{path} names {found}: take it from vael.runs.folder.RunFolder"


def test_a_literal_in_a_path_is_found():
    for line in ("run / 'images'", "Path(run, 'images/a.png')", "run.glob('checkpoints/*')"):
        assert any(SHARED & set(text.split("/")) for text in joined(ast.parse(line))), line
