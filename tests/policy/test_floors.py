"""Imports go down only, and mathematics knows no machinery."""

import ast
from pathlib import Path

import pytest

from vael.runs.provenance import NOT_TRAINING

SRC = Path(__file__).parents[2] / "src" / "vael"
FLOORS = {
    "types": 0,
    "errors": 0,
    "text": 0,
    "randomness": 0,
    "models.trace": 0,
    "files": 0,
    "web": 0,
    "models.likelihoods": 1,
    "models.posteriors": 1,
    "models.nets": 1,
    "models.conditional": 2,
    "models.priors": 3,
    "models.latents": 4,
    "models.vae": 5,
    "models": 5,
    "objectives": 6,
    "metrics": 6,
    "data": 6,
    "config": 7,
    "distributed": 7,
    "runs": 8,
    "training": 8,
    "report": 8,
    "pretrained": 9,
    "generate": 9,
    "export": 9,
    "evaluation": 9,
    "again": 9,
    "arguments": 9,
    "nondeterminism": 9,
    "sweep": 10,
    "dashboard": 10,
    "explore": 10,
    "versus": 10,
    "cli": 11,
    "entry": 12,
}
MACHINERY = {
    "pytorch_lightning",
    "hydra",
    "omegaconf",
    "wandb",
    "typer",
    "rich",
    "jinja2",
    "matplotlib",
}
EXCEPT = {("data/module.py", "pytorch_lightning"), ("data/decode/images.py", "rich")}
FILES = sorted(path.relative_to(SRC) for path in SRC.rglob("*.py") if path != SRC / "__init__.py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse((SRC / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(path: Path) -> str:
    return room_of([part.removesuffix(".py") for part in path.parts])


def room_of(parts: list[str]) -> str:
    inner = ".".join(parts[:2])
    return inner if inner in FLOORS else parts[0]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_module_is_on_the_map_and_imports_go_down(path):
    assert room(path) in FLOORS, f"{path} is on no floor: put it on the map"
    for name in imports(path):
        if not name.startswith("vael."):
            continue
        other = room_of(name.split(".")[1:])
        if other == room(path):
            continue
        assert FLOORS[other] <= FLOORS[room(path)], (
            f"{path} (floor {FLOORS[room(path)]}) imports {other} (floor {FLOORS[other]}): "
            "imports must go down"
        )
        same = FLOORS[other] == FLOORS[room(path)]
        both_folders = all((SRC / r.replace(".", "/")).is_dir() for r in (other, room(path)))
        assert not (same and both_folders and FLOORS[other] < 8), (
            f"{path} imports {other}: folders of one floor do not know each other"
        )


@pytest.mark.parametrize("path", [p for p in FILES if FLOORS.get(room(p), 99) <= 6], ids=str)
def test_mathematics_imports_no_machinery(path):
    roots = {name.split(".")[0] for name in imports(path)} & MACHINERY
    allowed = {root for root in roots if (str(path), root) in EXCEPT}
    assert roots == allowed, f"{path} imports {roots - allowed}"


def test_the_map_has_no_empty_rooms():
    assert {room(path) for path in FILES} == set(FLOORS)


def test_what_trains_imports_nothing_of_what_does_not():
    """Else a sweep would go on although the code behind its numbers has changed."""
    packages = {path: path.parts[0].removesuffix(".py") for path in FILES}
    assert set(packages.values()) >= NOT_TRAINING
    for path, package in packages.items():
        if package not in NOT_TRAINING:
            others = {name.split(".")[1] for name in imports(path) if name.startswith("vael.")}
            assert not others & NOT_TRAINING, path
