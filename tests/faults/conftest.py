"""A process that forks runs, so that one which is killed 20 times imports torch once."""

import os

import pytest
from faults.runs import STATEFUL, log, start_two
from helpers.runs import QUICK, ROOT, make_run

from vael.sweep.study.records import Slot
from vael.sweep.workers.command import trial_command
from vael.sweep.workers.forks import ForkServer


@pytest.fixture(scope="session")
def forks():
    """Starts ``vael train FOLDER``; its children can import from tests/."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT / "tests")
    server = ForkServer()
    yield lambda folder: server.start(trial_command(folder, Slot(None, 1, 1)))
    server.close()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="session")
def alone(forks):
    """Trains in one process; its exit code."""

    def start(folder):
        handle = forks(folder)
        while (code := handle.wait(300)) is None:
            pass
        return code

    return start


@pytest.fixture(scope="session")
def whole(alone, tmp_path_factory):
    """Never stopped, in one process."""
    folder = make_run(tmp_path_factory.mktemp("whole"), *QUICK, *STATEFUL)
    assert alone(folder) == 0, log(folder)
    return folder


@pytest.fixture(scope="session")
def whole_of_two(tmp_path_factory):
    """Never stopped, in two processes."""
    folder = make_run(tmp_path_factory.mktemp("two"), *QUICK, *STATEFUL, "trainer.devices=2")
    assert start_two(folder) == 0, log(folder)
    return folder
