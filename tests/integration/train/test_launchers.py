"""Every way to start several processes: one folder, one result, one end, one message."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers.runs import QUICK, ROOT, make_run, said

from vael.distributed.supervisor import GRACE_SECONDS, TERM_SECONDS

pytestmark = pytest.mark.slow
PYTHON = [sys.executable]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
TRAIN = [str(ROOT / "train.py")]


def environment(tmp_path, **more):
    """Marked, so that a process which outlives its test is found."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tests"),
        "OMP_NUM_THREADS": "1",
        "VAEL_TEST_MARK": str(tmp_path),
        **more,
    }


def begin(tmp_path, command, **more):
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path, **more),
        cwd=tmp_path,
    )


def settings(tmp_path, *overrides, devices=2):
    return [*QUICK, f"trainer.devices={devices}", f"output_dir={tmp_path}/out", *overrides]


def keep(tmp_path):
    return (
        f"+callbacks.extra.keep={{_target_: helpers.callbacks."
        f"KeepWeights, folder: {tmp_path}/kept}}"
    )


def call(tmp_path, command, **more):
    """Runs to the end; nothing may be left of it."""
    process = begin(tmp_path, command, **more)
    out, err = process.communicate(timeout=300)
    assert orphans(tmp_path) == []
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def orphans(tmp_path):
    """The processes with this test's mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"VAEL_TEST_MARK={tmp_path}\0".encode() in (path / "environ").read_bytes():
                found.append((path.name, (path / "cmdline").read_text()))
        except OSError:
            continue  # gone meanwhile
    return found


def weights(tmp_path, world=2):
    """All ranks' weights, which are the same to the bit."""
    kept = tmp_path / "kept"
    assert {path.name for path in kept.iterdir()} == {f"rank_{n}.pt" for n in range(world)}
    states = [torch.load(kept / f"rank_{rank}.pt", weights_only=True) for rank in range(world)]
    for other in states[1:]:
        assert all(torch.equal(other[name], states[0][name]) for name in states[0])
    return states[0]


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def only(tmp_path):
    (run,) = tmp_path.glob("out/*/*")
    return run


def summary(run):
    return json.loads((run / "summary.json").read_text())


def lines(text):
    return [line for line in said(text) if line.startswith("vael: ")]


def free_port():
    with socket.socket() as one:
        one.bind(("", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """What ``python train.py trainer.devices=2`` ends with."""
    tmp_path = tmp_path_factory.mktemp("plain")
    ends = (
        f"+callbacks.extra.ends={{_target_: helpers.callbacks.KeepEnd, folder: {tmp_path}/ends}}"
    )
    done = call(tmp_path, [*PYTHON, *TRAIN, *settings(tmp_path, keep(tmp_path), ends)])
    assert done.returncode == 0, done.stderr
    initialised = [path.read_text() for path in (tmp_path / "ends").iterdir()]
    assert initialised == ["false", "false"]  # else one in some hundred ends with SIGABRT
    assert said(done.stderr) == []
    assert not (only(tmp_path) / ".ranks").exists()
    return weights(tmp_path)


def test_torchrun_leads_to_one_folder_and_the_same_weights(tmp_path, plain):
    done = call(tmp_path, [*TORCHRUN, *TRAIN, *settings(tmp_path, keep(tmp_path))])
    assert done.returncode == 0, done.stderr
    assert same(weights(tmp_path), plain)
    assert summary(only(tmp_path))["status"] == "finished"
    assert done.stdout.count("test/bpd") == 1


def test_torchrun_of_a_run_folder_leads_to_the_same_weights(tmp_path, plain):
    run = make_run(tmp_path / "out", *settings(tmp_path, keep(tmp_path)))
    done = call(tmp_path, [*TORCHRUN, "-m", "vael.cli", "train", str(run)])
    assert done.returncode == 0, done.stderr
    assert same(weights(tmp_path), plain)
    assert done.stdout.count("test/bpd") == 1


def test_two_nodes_that_are_started_by_hand_lead_to_the_same_weights(tmp_path, plain):
    where = {
        "VAEL_RUN": f"{tmp_path}/out/name/run",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    command = [
        *PYTHON,
        *TRAIN,
        *settings(tmp_path, keep(tmp_path), "trainer.num_nodes=2", devices=1),
    ]
    nodes = [begin(tmp_path, command, NODE_RANK=str(n), **where) for n in (1, 0)]
    ends = [node.communicate(timeout=300) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], ends
    assert same(weights(tmp_path), plain)
    assert [out.count("test/bpd") for out, _ in ends] == [0, 1]
    assert summary(only(tmp_path))["devices"] == 2
    assert orphans(tmp_path) == []


@pytest.mark.parametrize("rank", [1, 0])
def test_a_killed_rank_ends_the_run_with_its_name_and_a_summary(tmp_path, rank):
    wait = f"+callbacks.extra.wait={{_target_: helpers.callbacks.Wait, file: {tmp_path}/step}}"
    process = begin(tmp_path, [*PYTHON, *TRAIN, *settings(tmp_path, wait)])
    os.kill(pid_of(tmp_path, rank), signal.SIGKILL)
    killed = time.monotonic()
    _, err = process.communicate(timeout=200)
    assert time.monotonic() - killed < 60  # gloo alone would wait for half an hour
    assert GRACE_SECONDS + 2 * TERM_SECONDS < 15
    assert process.returncode == 137
    assert err.splitlines()[-1].startswith(f"vael: rank {rank}: killed by signal 9 (SIGKILL)")
    end = summary(only(tmp_path))
    assert end["status"] == "failed"
    assert end["reason"] == err.splitlines()[-1].removeprefix("vael: ")
    assert end["parameters"] > 0
    assert f"rank {rank}: killed by signal 9" in (only(tmp_path) / "train.log").read_text()
    assert f"rank {rank}: killed by signal 9" in (only(tmp_path) / "report.html").read_text()
    assert orphans(tmp_path) == []


def pid_of(tmp_path, rank):
    """The rank's process, once both ranks train."""
    files = [tmp_path / f"step_{n}" for n in (0, 1)]
    end = time.monotonic() + 200
    while not all(file.exists() and file.read_text() for file in files):
        assert time.monotonic() < end, "training did not begin"
        time.sleep(0.05)
    return int(files[rank].read_text())


def test_a_killed_supervisor_leaves_no_ranks_behind(tmp_path):
    wait = (
        f"+callbacks.extra.wait={{_target_: helpers.callbacks."
        f"Wait, file: {tmp_path}/step, seconds: 9}}"
    )
    process = begin(tmp_path, [*PYTHON, *TRAIN, *settings(tmp_path, wait)])
    pid_of(tmp_path, 0)
    process.kill()
    process.communicate(timeout=30)
    end = time.monotonic() + 60  # left alone, they would train for two minutes
    while orphans(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    assert orphans(tmp_path) == []


@pytest.mark.parametrize("launcher", [PYTHON, TORCHRUN], ids=["python", "torchrun"])
def test_an_exception_on_one_rank_is_what_the_run_says_it_died_of(tmp_path, launcher):
    bug = "+callbacks.extra.bug={_target_: helpers.callbacks.Raise, rank: 1, step: 6}"
    done = call(tmp_path, [*launcher, *TRAIN, *settings(tmp_path, bug)])
    assert done.returncode == 1, done.stderr
    reason = "rank 1: LookupError: no tea on rank 1"
    assert lines(done.stderr) == [f"vael: {reason}"]
    assert 'raise LookupError(f"no tea' in done.stderr
    assert "Connection closed" not in done.stderr
    end = summary(only(tmp_path))
    assert (end["status"], end["reason"]) == ("failed", reason)


@pytest.mark.parametrize("launcher", [PYTHON, TORCHRUN], ids=["python", "torchrun"])
def test_what_cannot_work_is_one_line_and_leaves_no_folder(tmp_path, launcher):
    done = call(tmp_path, [*launcher, *TRAIN, *settings(tmp_path, "+optimizer.foo=3")])
    assert done.returncode == (2 if launcher is PYTHON else 1), done.stderr
    (line,) = lines(done.stderr)
    assert "optimizer (torch.optim.Adam) cannot be built: foo is not an option" in line
    assert said(done.stderr) == [line] or launcher is TORCHRUN
    assert not list((tmp_path / "out").rglob("*"))


def test_another_size_than_the_launcher_started_is_one_line(tmp_path):
    done = call(tmp_path, [*TORCHRUN, *TRAIN, *settings(tmp_path, devices=1)])
    assert lines(done.stderr) == [
        "vael: torchrun started 2 processes on 1 node(s), but trainer.devices=1 * "
        "trainer.num_nodes=1 = 1: give trainer.devices=2 trainer.num_nodes=1, or start 1."
    ]
    assert not list((tmp_path / "out").rglob("*"))


def test_two_nodes_without_a_place_of_their_own_are_one_line(tmp_path):
    done = call(tmp_path, [*PYTHON, *TRAIN, *settings(tmp_path, "trainer.num_nodes=2")])
    assert done.returncode == 2
    (line,) = said(done.stderr)
    assert "NODE_RANK and MASTER_ADDR and MASTER_PORT not set" in line


@pytest.mark.xdist_group("cluster")
def test_slurm_leads_to_one_folder_and_the_same_weights(tmp_path, plain, cluster, monkeypatch):
    done = call(
        tmp_path, ["srun", "-n2", *PYTHON, *TRAIN, *settings(tmp_path, keep(tmp_path))], **cluster
    )
    assert done.returncode == 0, done.stderr
    assert same(weights(tmp_path), plain)
    assert only(tmp_path).name.startswith("slurm-")
    assert done.stdout.count("test/bpd") == 1
    shutil.rmtree(tmp_path / "kept")
    monkeypatch.setenv("VAEL_RUN", str(tmp_path / "two"))
    run = make_run(tmp_path, *settings(tmp_path, keep(tmp_path), "trainer.num_nodes=2", devices=1))
    vael = [*PYTHON, "-m", "vael.cli", "train", str(run)]
    done = call(tmp_path, ["srun", "-N2", "-n2", *vael], MASTER_ADDR="127.0.0.1", **cluster)
    assert done.returncode == 0, done.stderr
    assert same(weights(tmp_path), plain)
    assert done.stdout.count("test/bpd") == 1


@pytest.mark.xdist_group("cluster")
def test_a_job_script_starts_its_own_ranks(tmp_path, cluster):
    script = tmp_path / "job.sh"
    script.write_text(f'#!/bin/sh\nexec {" ".join([*PYTHON, *TRAIN])} "$@"\n')
    job = ["sbatch", "-n2", f"--output={tmp_path}/job.out", str(script)]
    done = subprocess.run(
        [*job, *settings(tmp_path, keep(tmp_path))],
        check=False,
        text=True,
        capture_output=True,
        env=environment(tmp_path, **cluster),
    )
    assert done.returncode == 0, done.stderr
    end = time.monotonic() + 200
    while subprocess.check_output(["squeue", "-h"], env={**os.environ, **cluster}):
        assert time.monotonic() < end, (tmp_path / "job.out").read_text()
        time.sleep(0.2)
    assert orphans(tmp_path) == []
    assert len(weights(tmp_path)) > 0
    assert summary(only(tmp_path))["devices"] == 2
