"""One thread, no network, no account, an own cache: what every test starts from."""

import os
import time
import uuid
from pathlib import Path

os.environ.update({"WANDB_MODE": "disabled", "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"})
if "PYTEST_XDIST_WORKER" in os.environ:  # others work beside it
    os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch

torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]
pytest_plugins = ["helpers.browser", "helpers.cluster.fixtures", "helpers.trials"]


def pytest_configure(config):
    """Hide GPUs from all but `make test-gpu`.

    Elsewhere runs are compared to the bit, take several devices and are forked: a test that
    passes on a machine without a GPU must not depend on whether there is one.
    """
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Decoded data of the tests goes to a folder of their own."""
    os.environ["VAEL_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run on the digits, trained once for the tests of a file."""
    from helpers.runs import trained_run

    return trained_run(tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The same on a table."""
    from helpers.runs import trained_run

    return trained_run(tmp_path_factory.mktemp("out"), "data=breast_cancer")


@pytest.fixture
def shared():
    """The folder of real data beside the checkout."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs the real images in ../shared/data, which are not here")
    return path


@pytest.fixture
def marked(monkeypatch):
    """Marks all processes that the test starts; gives those that are left, after a moment."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv("VAEL_TEST_MARK", mark)

    def left(seconds=60.0):
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
