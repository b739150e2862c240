"""Whole sweeps to which the worst happens: the budget is exact, nothing is lost or left behind."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.runs import ROOT

from vael.distributed.processes import count_cores
from vael.sweep.study.study import Study

pytestmark = pytest.mark.slow
needs_two_cores = pytest.mark.skipif(
    count_cores() < 2, reason="a trial of two devices needs two cores"
)

SWEEP = """\
name: search
trials: {trials}
confirm: 0
lease: {lease}
pruner: {pruner}
devices: {devices}
overrides:
  - model=mlp_vae
  - data.limit=200
  - data.batch_size=64
  - trainer.max_epochs=5
  - logger=csv
  - callbacks.pictures.num_examples=20
  - output_dir={out}
  - "+callbacks.extra={{wait: {{_target_: helpers.callbacks.Wait, \
file: {tmp}/step, seconds: {seconds}}}, \
confess: {{_target_: helpers.callbacks.Confess}}}}"
space:
  model.latent_dim: int(interval(2, 16))
  objective.beta: tag(log, interval(0.25, 8))
"""


@pytest.fixture
def sweep(tmp_path, monkeypatch, marked):
    """Starts ``vael sweep``."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))

    def start(*arguments, trials=3, devices=1, out=None, lease=60, pruner="null", seconds=0.15):
        file = tmp_path / "search.yaml"
        file.write_text(
            SWEEP.format(
                trials=trials,
                devices=devices,
                tmp=tmp_path,
                out=out or tmp_path / "out",
                lease=lease,
                pruner=pruner,
                seconds=seconds,
            )
        )
        return subprocess.Popen(
            [sys.executable, "-m", "vael.cli", "sweep", str(file), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return start


def folder(tmp_path):
    return tmp_path / "out" / "sweeps" / "search"


def until(found, process, seconds=200):
    """Waits for something; not for a sweep that has ended."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return value


def trains(tmp_path, number=0):
    """Whether a trial has an epoch behind it, and a checkpoint."""
    run = folder(tmp_path) / "trials" / f"{number:04d}"
    return (run / "metrics.csv").exists() and (run / "checkpoints" / "last.ckpt").exists()


def finish(process, code=0):
    out, _ = process.communicate(timeout=300)
    assert process.returncode == code, out
    return out


def assert_all_done(tmp_path, trials, marked):
    rows = Study.open(folder(tmp_path)).rows()
    assert [row.number for row in rows] == list(range(trials))
    assert [row.state for row in rows] == ["complete"] * trials
    assert len(list((folder(tmp_path) / "trials").iterdir())) == trials
    assert marked() == []


def went_on(tmp_path, number=0):
    run = folder(tmp_path) / "trials" / f"{number:04d}"
    return "continuing from" in (run / "train.log").read_text()


def test_a_whole_sweep_that_is_killed_goes_on_where_it_was(tmp_path, sweep, marked):
    process = sweep("--workers", "2")
    until(lambda: trains(tmp_path, 0) and trains(tmp_path, 1), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert marked() == []
    finish(sweep("--workers", "2"))
    assert_all_done(tmp_path, 3, marked)
    assert went_on(tmp_path, 0)
    assert went_on(tmp_path, 1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_sweep_that_is_asked_to_stop_saves_its_trials(tmp_path, sweep, marked, number, code):
    process = sweep("--workers", "1")
    until(lambda: trains(tmp_path), process)
    process.send_signal(number)
    finish(process, code)
    assert marked() == []
    rows = Study.open(folder(tmp_path)).rows()
    assert [row.state for row in rows] == ["waiting"]
    assert "all is saved" in rows[0].reason
    summary = json.loads((rows[0].folder / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    finish(sweep("--workers", "1", trials=2), 0)
    assert_all_done(tmp_path, 2, marked)
    assert went_on(tmp_path)


def test_a_killed_worker_is_replaced_and_its_trial_adopted(tmp_path, sweep, marked):
    process = sweep("--workers", "2")
    until(lambda: trains(tmp_path), process)
    holder = json.loads((folder(tmp_path) / "trials" / "0000" / "lease").read_text())
    os.kill(holder["pid"], signal.SIGKILL)
    out = finish(process)
    assert "was killed by signal 9: started again" in out
    assert_all_done(tmp_path, 3, marked)
    assert went_on(tmp_path)


def test_a_killed_fork_server_takes_all_with_it_and_nothing_is_lost(tmp_path, sweep, marked):
    process = sweep("--workers", "2")
    until(lambda: trains(tmp_path, 0) and trains(tmp_path, 1), process)
    [server] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(server), signal.SIGKILL)
    out = finish(process)
    assert out.count("was killed by signal 9: started again") == 2
    assert_all_done(tmp_path, 3, marked)
    assert went_on(tmp_path, 0)
    assert went_on(tmp_path, 1)


def test_a_trial_whose_worker_is_frozen_leaves_when_another_takes_it(tmp_path, sweep, marked):
    """kill -STOP of the worker alone: its trial trains on, until its lease names another."""
    process = sweep("--workers", "2", trials=1, lease=4, seconds=1.0)
    until(lambda: trains(tmp_path), process)
    run = folder(tmp_path) / "trials" / "0000"
    holder = json.loads((run / "lease").read_text())
    first = json.loads((run / "rank_0.json").read_text())["pid"]
    os.kill(holder["pid"], signal.SIGSTOP)
    try:
        until(lambda: attempts(run)["begun"] == 2, process)
        until(lambda: not (Path("/proc") / str(first) / "status").exists(), process)
        until(lambda: (run / "summary.json").exists(), process)
    finally:
        os.kill(holder["pid"], signal.SIGCONT)
    finish(process)
    assert_all_done(tmp_path, 1, marked)
    assert went_on(tmp_path)
    assert "was taken over by another attempt" in (run / "process.log").read_text()
    epochs = [row.split(",")[1] for row in (run / "metrics.csv").read_text().splitlines()[1:]]
    assert len(epochs) == len(set(epochs)) == 5


def attempts(run):
    return json.loads((run / "attempts").read_text())


@needs_two_cores
def test_a_pruned_trial_of_two_devices_stops_on_both_and_keeps_what_it_has(
    tmp_path, sweep, marked
):
    """The pruner stops whatever is above 0 bits: everything."""
    pruner = "{_target_: optuna.pruners.ThresholdPruner, upper: 0.0}"
    finish(sweep("--workers", "1", trials=1, devices=2, pruner=pruner))
    [row] = Study.open(folder(tmp_path)).rows()
    assert (row.state, row.attempts) == ("pruned", 1)
    assert row.reason.startswith("pruned after ")
    assert 1 <= row.epochs < 5
    summary = json.loads((row.folder / "summary.json").read_text())
    assert (summary["status"], summary["devices"]) == ("pruned", 2)
    assert row.values == (pytest.approx(last(row.folder, "val/bpd")),)
    for name in (
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "images/samples.png",
        "metrics.csv",
        "train.log",
    ):
        assert (row.folder / name).exists(), name
    ranks = [json.loads(p.read_text())["pid"] for p in row.folder.glob("rank_*.json")]
    assert len(set(ranks)) == 2
    assert marked() == []


def last(run, name):
    with (run / "metrics.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]][-1]


@needs_two_cores
def test_a_trial_of_two_devices_has_one_config_and_survives_the_loss_of_a_rank(
    tmp_path, sweep, marked
):
    process = sweep("--workers", "1", trials=2, devices=2)
    until(lambda: trains(tmp_path), process)
    os.kill(int((tmp_path / "step_1").read_text()), signal.SIGKILL)
    finish(process)
    assert_all_done(tmp_path, 2, marked)
    assert went_on(tmp_path)
    counted = attempts(folder(tmp_path) / "trials" / "0000")
    assert (counted["begun"], counted["lost"]) == (2, 1)
    said = [
        json.loads(path.read_text())
        for path in sorted((folder(tmp_path) / "trials").glob("*/rank_*.json"))
    ]
    assert len(said) == 4
    for first, second in (said[:2], said[2:]):
        assert first["pid"] != second["pid"]
        assert first["config"] == second["config"]
        assert first["sizes"] == second["sizes"]
    assert said[0]["config"]["model"] != said[2]["config"]["model"]


def full_disk(tmp_path, megabytes):
    """Runs a shell with a small file system at ``tmp_path/small``, which no one else sees."""
    (tmp_path / "small").mkdir()
    mount = f"mount -t tmpfs -o size={megabytes}m tmpfs {tmp_path}/small"
    return ["unshare", "-m", "sh", "-c", f"{mount} && exec sh -s"]


def can_unshare():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    probe = ["unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(
    not can_unshare(),
    reason="a full disk needs a small tmpfs: run as root, with unshare and mount",
)
def test_a_full_disk_stops_the_sweep_and_burns_nothing(tmp_path, sweep, marked):
    """Filled up while a trial trains; after some space is made, the sweep goes on."""
    small, file = tmp_path / "small", tmp_path / "search.yaml"
    file.write_text(
        SWEEP.format(
            trials=2,
            devices=1,
            tmp=tmp_path,
            out=small / "out",
            lease=60,
            pruner="null",
            seconds=0.15,
        )
    )
    vael = f"{sys.executable} -m vael.cli sweep {file} --workers 1"
    run = f"{small}/out/sweeps/search/trials/0000"
    script = f"""
    {vael} > {tmp_path}/first.txt 2>&1 &
    while [ ! -f {run}/checkpoints/last.ckpt ]; do sleep 0.1; done
    cat /dev/zero > {small}/filler 2> /dev/null
    wait $!; echo "first $?"
    rm {small}/filler
    {vael} > {tmp_path}/second.txt 2>&1; echo "second $?"
    cp -r {small}/out {tmp_path}/out
    """
    done = subprocess.run(
        full_disk(tmp_path, 60),
        input=script,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=500,
    )
    first, second = ((tmp_path / f"{name}.txt").read_text() for name in ("first", "second"))
    assert "first 5" in done.stdout, done.stdout + done.stderr + first
    assert "second 0" in done.stdout, second
    [line] = [line for line in first.splitlines() if line.startswith("worker ")]
    assert "cannot write" in line
    assert str(small) in line
    assert "Free some space" in line
    config = Path(f"{tmp_path}/out/sweeps/search/sweep.yaml")
    config.write_text(config.read_text().replace(str(small / "out"), str(tmp_path / "out")))
    assert_all_done(tmp_path, 2, marked)
    assert went_on(tmp_path)
