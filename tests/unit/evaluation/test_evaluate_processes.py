"""vael evaluate as processes: on the command line, several of them, interrupted, killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.runs import ROOT


def hear_interrupts():
    """In the child: who was started in the background of a shell would be deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments, command=(sys.executable, "-m", "vael.cli")):
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=hear_interrupts,
    )


def gone(group, seconds):
    """Whether the last process of a group ends in time; a busy machine takes a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_an_interruption_leaves_the_old_file_and_no_process(run, five, devices):
    before = (run / "evaluation.json").read_bytes()
    process = start("evaluate", run, "--samples", 10_000_000, "--devices", devices)
    line = process.stderr.readline()  # it is under way: it tells how long it will take
    assert re.match(r"test, 10000000 samples.*: 0%, \d+:\d\d:\d\d left", line), line
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("vael: interrupted; ")
    assert "Traceback" not in errors
    assert out == ""
    assert (run / "evaluation.json").read_bytes() == before
    assert not list(run.glob(".evaluation.json*"))
    assert gone(process.pid, seconds=60)


def blocks(pid, number):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"SigBlk:\s*(\w+)", status)[1], 16) >> (number - 1) & 1


@pytest.mark.slow
@pytest.mark.parametrize("loaded", ["", "libtorch"])
def test_an_interruption_while_it_still_imports_is_one_line(run, five, loaded):
    """It waits: in the middle of an import, torch goes on without numpy."""
    before = (run / "evaluation.json").read_bytes()
    vael = str(Path(sys.executable).with_name("vael"))
    process = start("evaluate", run, command=[vael])
    end = time.monotonic() + 60
    while not (
        blocks(process.pid, signal.SIGINT)
        and loaded in Path(f"/proc/{process.pid}/maps").read_text()
    ):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, "")
    assert errors == f"vael: interrupted; {run / 'evaluation.json'} is as it was\n"
    assert (run / "evaluation.json").read_bytes() == before


@pytest.mark.slow
def test_several_processes_give_the_same_to_the_bit(run, five):
    process = start("evaluate", run, "--samples", 5, "--devices", 3)
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    found = json.loads((run / "evaluation.json").read_text())
    assert found["devices"] == 3
    for name in ("bounds", "ess", "jackknife", "scores"):
        assert found[name] == json.loads(json.dumps(five[name]))
    assert "test/bpd" in out


@pytest.mark.slow
def test_a_killed_process_ends_the_evaluation_with_its_reason(run, five):
    before = (run / "evaluation.json").read_bytes()
    process = start("evaluate", run, "--samples", 10_000_000, "--devices", 2)
    process.stderr.readline()
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    victim = next(pid for pid in children if "spawn_main" in command_of(pid))
    os.kill(int(victim), signal.SIGKILL)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert re.search(r"vael: process \d of 2 was killed by signal 9", errors), errors
    assert (run / "evaluation.json").read_bytes() == before


def command_of(pid):
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read().replace("\0", " ")


@pytest.mark.slow
def test_one_line_and_code_2_on_the_command_line(run):
    process = start("evaluate", run, "--samples", 0)
    out, errors = process.communicate(timeout=300)
    assert (process.returncode, out) == (2, "")
    (line,) = errors.splitlines()
    assert line.startswith("vael: --samples must be at least 1")
