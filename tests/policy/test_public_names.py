"""What packages export is there, and a public name means one thing."""

import ast
import importlib
from collections import defaultdict

import pytest
from helpers.runs import ROOT

SRC = ROOT / "src"
PACKAGES = sorted(
    ".".join(path.parent.relative_to(SRC).parts)
    for path in SRC.rglob("__init__.py")
    if "__all__" in path.read_text()
)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_is_there(package):
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name).__module__.startswith("vael."), name
    with pytest.raises(AttributeError):
        module.nothing_of_this_name  # noqa: B018


def test_the_packages_that_people_import_from_export_names():
    wanted = ("models", "models.likelihoods", "objectives", "data", "data.sources", "metrics")
    assert {f"vael.{name}" for name in (*wanted, "runs", "pretrained")} <= set(PACKAGES)


def test_a_public_class_name_stands_once():
    found = defaultdict(list)
    for path in SRC.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(SRC)))
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
