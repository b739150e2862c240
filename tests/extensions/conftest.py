"""A user's folder."""

import importlib
import sys

import pytest
from extensions.files import FILES


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A user's folder: the package, YAMLs and tests of docs/extending.md."""
    folder = tmp_path_factory.mktemp("user")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    return folder


@pytest.fixture
def mylab(work, monkeypatch):
    """The user's package, imported here."""
    monkeypatch.syspath_prepend(str(work / "package"))
    yield importlib.import_module
    for name in [name for name in sys.modules if name.partition(".")[0] == "mylab"]:
        del sys.modules[name]
