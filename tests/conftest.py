"""One thread, no network, no account, an own cache: what every test starts from."""

import os
import shutil
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


@pytest.fixture(scope="session")
def copied_run(tmp_path_factory):
    """Copies of small runs with a report, each trained once in this process."""
    from helpers.runs import trained_run

    trained = {}

    def copy(*overrides):
        if overrides not in trained:
            parent = tmp_path_factory.mktemp("trained")
            trained[overrides] = parent, trained_run(parent, *overrides, "report=true")
        parent, run = trained[overrides]
        copied = tmp_path_factory.mktemp("out")
        shutil.copytree(parent, copied, symlinks=True, dirs_exist_ok=True)
        return copied / run.relative_to(parent)

    return copy


@pytest.fixture(scope="module")
def run(copied_run):
    """A small run on the digits, for the tests of a file."""
    return copied_run()


@pytest.fixture(scope="module")
def table(copied_run):
    """The same on a table."""
    return copied_run("data=breast_cancer")


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
