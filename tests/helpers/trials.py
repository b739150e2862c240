"""What the tests of sweeps share: one fork server and run folders."""

import os

import pytest
from helpers.fake_study import TRIAL
from helpers.runs import ROOT, make_run

from vael.sweep.workers.forks import ForkServer


@pytest.fixture(scope="session")
def server():
    """A fork server for many tests, which can import the callbacks of tests/helpers."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT / "tests")
    kept = ForkServer()
    yield kept
    kept.close()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture
def trial(tmp_path):
    """Makes a trial's folder."""

    def make(*overrides, **extra):
        name = f"t{len(list(tmp_path.iterdir()))}"
        added = [f"+callbacks.extra.{key}={node}" for key, node in extra.items()]
        return make_run(tmp_path, *TRIAL, f"name={name}", *overrides, *added)

    return make
