"""Signals that come before the first step, while Python imports and the run is put together."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from faults.runs import STATEFUL
from helpers.commands import vael
from helpers.identical import assert_as_if_never_stopped, read
from helpers.runs import QUICK, ROOT, make_run, said

from vael.distributed import lightning_import

TRAIN = [sys.executable, "-m", "vael.cli", "train"]
CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGUSR1": 143}
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]


def environment(tmp_path):
    """Of a SLURM job, whose scontrol writes down what it is asked."""
    tool = tmp_path / "bin" / "scontrol"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    tool.chmod(0o755)
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tests"),
        "OMP_NUM_THREADS": "1",
        "SLURM_JOB_ID": "7",
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
    }


def start(command, tmp_path):
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(tmp_path),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def until(condition, child):
    end = time.monotonic() + 200
    while not condition():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


def maps(pid, name):
    """Whether a process has loaded a library."""
    try:
        return name in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def handles(pid, number):
    """Whether a process blocks or catches a signal by now."""
    text = Path(f"/proc/{pid}/status").read_text()
    masks = [int(re.search(rf"{name}:\s*(\w+)", text)[1], 16) for name in ("SigBlk", "SigCgt")]
    return any(mask >> (number - 1) & 1 for mask in masks)


def children(pid):
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def assert_stopped(child, name, tmp_path):
    """One line, its code, and after SLURM's warning one request to be queued again."""
    number = signal.Signals[name]
    out, err = child.communicate(timeout=200)
    assert (child.returncode, out) == (CODES[name], ""), err
    lines = said(err)
    assert lines[0] == f"vael: stopped by {name} before its first step"
    asked = tmp_path / "asked"
    if number == signal.SIGUSR1:
        assert lines[1:] == ["vael: SLURM has queued this job again"]
        assert asked.read_text() == "requeue 7\n"
    else:
        assert lines[1:] == []
        assert not asked.exists()


PLACES = {  # of one process: what it has done when the signal comes
    "a moment after its start": lambda pid: handles(pid, signal.SIGUSR1),
    "importing torch": lambda pid: maps(pid, "libtorch"),
}


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("place", PLACES)
def test_a_signal_during_the_start_ends_in_one_line_and_a_summary(
    name, place, alone, whole, tmp_path
):
    folder = make_run(tmp_path, *QUICK, *STATEFUL)
    vael = str(Path(sys.executable).with_name("vael"))
    child = start([vael, "train", str(folder)], tmp_path)
    until(lambda: PLACES[place](child.pid), child)
    child.send_signal(signal.Signals[name])
    assert_stopped(child, name, tmp_path)
    summary = read(folder)
    assert (summary["status"], summary["steps"]) == ("interrupted", 0)
    assert summary["reason"] == f"stopped by {name} before its first step"
    if (name, place) == ("SIGTERM", "importing torch"):
        assert alone(folder) == 0
        assert_as_if_never_stopped(whole, folder)


@pytest.mark.parametrize("name", ["SIGINT", "SIGUSR1"])
@pytest.mark.parametrize("place", PLACES)
def test_a_signal_from_the_command_line_to_the_run(name, place, tmp_path):
    """train.py composes, makes the folder and becomes ``vael train``."""
    command = [sys.executable, "train.py", *QUICK, f"output_dir={tmp_path}/out"]
    child = start(command, tmp_path)
    until(lambda: PLACES[place](child.pid), child)
    child.send_signal(signal.Signals[name])
    assert_stopped(child, name, tmp_path)
    for summary in (tmp_path / "out").glob("*/*/summary.json"):
        assert read(summary.parent)["status"] == "interrupted"
    assert len(list((tmp_path / "out").glob("*/*/summary.json"))) == (place == "importing torch")


@pytest.mark.parametrize(("name", "delay"), [("SIGUSR1", 0.0), ("SIGTERM", 0.5), ("SIGINT", 1.5)])
def test_a_signal_during_the_start_of_two_processes(name, delay, tmp_path):
    folder = make_run(tmp_path, *QUICK, "trainer.devices=2")
    child = start([*TRAIN, str(folder)], tmp_path)
    until(lambda: children(child.pid), child)
    time.sleep(delay)
    began = time.monotonic()
    child.send_signal(signal.Signals[name])
    assert_stopped(child, name, tmp_path)
    assert time.monotonic() - began < 90
    summary = read(folder)
    assert summary["status"] == "interrupted"
    assert summary["reason"] == f"stopped by {name} before its first step"


def test_a_signal_that_an_import_swallows_and_breaks_of_is_heard(tmp_path, monkeypatch):
    """Torch tries numpy and ignores what comes of it; numpy cannot be imported twice."""

    def broken():
        with suppress(BaseException):
            signal.raise_signal(signal.SIGTERM)
        raise ImportError("cannot load module more than once per process")

    monkeypatch.setattr(lightning_import, "import_lightning", broken)
    folder = make_run(tmp_path, *QUICK)
    done = vael("train", str(folder))
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == "vael: stopped by SIGTERM before its first step\n"
    assert read(folder)["status"] == "interrupted"


def test_what_an_attempt_before_has_reached_is_kept(tmp_path):
    kill = (
        f"helpers.callbacks."
        f"KillOnce, number: SIGTERM, where: batch, step: 7, file: {tmp_path}/mark"
    )
    folder = make_run(tmp_path, *QUICK, f"+callbacks.extra.stop={{_target_: {kill}}}")
    child = start([*TRAIN, str(folder)], tmp_path)
    assert child.wait(200) == 143, child.communicate()
    child.communicate()
    before = read(folder)
    child = start([*TRAIN, str(folder)], tmp_path)
    until(lambda: maps(child.pid, "libtorch"), child)
    child.send_signal(signal.SIGTERM)
    assert_stopped(child, "SIGTERM", tmp_path)
    after = read(folder)
    assert before["steps"] == 8
    assert after == {**before, "reason": "stopped by SIGTERM before its first step"}
