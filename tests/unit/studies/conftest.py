"""The modules of benchmarks/studies, which are no package."""

import importlib
import sys

import pytest
from helpers.runs import ROOT

FOLDER = ROOT / "benchmarks" / "studies"


@pytest.fixture
def study(monkeypatch):
    """A module of that folder by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
