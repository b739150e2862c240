"""What the tests of sweeps share: one fork server, run folders, and a look for orphans."""

import os
import time
import uuid
from pathlib import Path

import pytest
from support import ROOT, make_run
from sweep.fakes import TRIAL

from vael.sweep.forkserver import ForkServer


class Kept(ForkServer):
    """Outlives the workers that use it."""

    def close(self):
        pass


@pytest.fixture(scope="session")
def server():
    """A fork server for many tests, which can import the callbacks of tests/support.py."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT / "tests")
    kept = Kept()
    yield kept
    ForkServer.close(kept)
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


@pytest.fixture
def marked(monkeypatch):
    """Marks all processes that the test starts; gives those that are left, after a moment."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv("VAEL_TEST_MARK", mark)

    def left(seconds=10.0):
        end = time.monotonic() + seconds
        while (found := _with(mark)) and time.monotonic() < end:
            time.sleep(0.05)
        return found

    return left


def _with(mark):
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                command = (path.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found.append((int(path.parent.name), command))
        except OSError:
            continue
    return found
