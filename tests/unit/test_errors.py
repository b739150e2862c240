"""Memory and disks that run out have a name, whatever error they show as."""

import errno
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.runs import QUICK, ROOT, make_run

from vael.errors import DiskError, OutOfMemory, translate_resource_errors
from vael.training.fit import train


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(2**45),
        lambda: torch.randn(2**22, 1) @ torch.randn(1, 2**22),
        lambda: np.ones(2**45),
        lambda: bytearray(2**55),
    ],
)
def test_a_failed_allocation_is_out_of_memory(allocate):
    with (
        pytest.raises(OutOfMemory, match=r"^out of memory: .*(GiB|TiB|allocat)"),
        translate_resource_errors(),
    ):
        allocate()


def full_while_writing():
    try:
        raise OSError(errno.ENOSPC, "No space left on device", "a/b")
    except OSError as error:
        raise RuntimeError("writer failed") from error


def test_the_disk_behind_another_error_is_named():
    with (
        pytest.raises(DiskError, match=r"cannot write a/b: No space left on device"),
        translate_resource_errors(),
    ):
        full_while_writing()


@pytest.mark.parametrize(
    "other",
    [ValueError("x"), OSError(errno.ENOENT, "no such file"), RuntimeError("shapes do not match")],
)
def test_other_errors_pass(other):
    with pytest.raises(type(other)) as raised, translate_resource_errors():
        raise other
    assert raised.value is other


def raised_again():
    try:
        raise KeyError("inner")
    except KeyError as inner:
        try:
            raise RuntimeError("wrapped") from inner
        except RuntimeError as wrapped:
            raise inner from wrapped


def test_an_error_that_is_its_own_cause_passes():
    with pytest.raises(KeyError, match="inner"), translate_resource_errors():
        raised_again()


def test_a_model_larger_than_memory_fails_with_that_reason(tmp_path):
    """The weights alone need 17 GB, in a process that may have 8."""
    folder = make_run(tmp_path, *QUICK, "model.encoder.hidden=[65536,65536]")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33)); "
        f"sys.argv = ['vael', 'train', {str(folder)!r}]; from vael.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == OutOfMemory.exit_code, done.stderr
    assert done.stderr.startswith("vael: out of memory: ")
    assert len(done.stderr.splitlines()) == 1
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert summary["reason"].startswith("out of memory: ")


def test_memory_that_runs_out_in_training_is_in_the_summary(tmp_path):
    folder = make_run(
        tmp_path, *QUICK, "+callbacks.extra.greedy={_target_: helpers.callbacks.Greedy, step: 7}"
    )
    with pytest.raises(OutOfMemory):
        train(folder)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert summary["reason"].startswith("out of memory: 1.31e+05 GiB")
    assert summary["steps"] == 7
