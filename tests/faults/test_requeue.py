"""A job that SLURM warns, or preempts, queues itself again and goes on: the README's script."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults.runs import STATEFUL
from helpers.identical import assert_as_if_never_stopped, read, rows
from helpers.runs import QUICK, ROOT

from vael.distributed import slurm

SCRIPT = re.search(
    r"\n    (#!/bin/bash\n(?:    .*\n)+)", (ROOT / "docs" / "clusters.md").read_text()
)


def documented_script(tmp_path):
    """The documented one, with this interpreter, two CPU tasks and our settings."""
    assert SCRIPT is not None
    text = SCRIPT[1].replace("\n    ", "\n")
    wait = (
        f"+callbacks.extra.wait={{_target_: helpers.callbacks."
        f"Wait, file: {tmp_path}/step, seconds: 0.3}}"
    )
    settings = " ".join(f"'{one}'" for one in (*QUICK, *STATEFUL, wait))
    for old, new in (
        ("--ntasks=4 ", "--ntasks=2 "),
        ("--gpus-per-task=1 ", ""),
        ("--time=12:00:00", "--time=5"),
        ("outputs/", f"{tmp_path}/outputs/"),
        (
            "vael train data=mnist trainer.devices=4",
            f"{sys.executable} {ROOT}/train.py {settings} trainer.devices=2",
        ),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text


class Job:
    """A submitted script."""

    def __init__(self, tmp_path: Path, environment: dict[str, str]) -> None:
        self.environment, self.log = environment, tmp_path / "job.out"
        script = tmp_path / "job.sh"
        script.write_text(documented_script(tmp_path))
        self.id = self.call("sbatch", "--parsable", f"--output={self.log}", str(script)).strip()
        self.run = tmp_path / "outputs" / "mnist" / self.id

    def call(self, *command: str) -> str:
        return subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def until(self, happened, what: str) -> None:
        end = time.monotonic() + 270
        while not happened():
            text = self.log.read_text() if self.log.exists() else ""
            assert time.monotonic() < end, f"{what} did not happen: {text}"
            time.sleep(0.1)

    def restarts(self) -> int:
        return int(re.search(r"Restarts=(\d+)", self.call("scontrol", "show", "job", self.id))[1])

    def gone(self) -> bool:
        return not self.call("squeue", "-h", "-j", self.id).strip()


@pytest.mark.slow
@pytest.mark.xdist_group("faults")
def test_a_warned_and_a_preempted_job_continue_by_themselves(tmp_path, cluster, whole_of_two):
    environment = {
        **os.environ,
        **cluster,
        "PYTHONPATH": str(ROOT / "tests"),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    job = Job(tmp_path, environment)
    steps = [tmp_path / f"step_{rank}" for rank in (0, 1)]

    def train():
        return all(step.exists() for step in steps)

    job.until(train, "training")
    job.call("scancel", "--signal=USR1", job.id)  # what --signal=USR1@90 sends to the tasks
    job.until(lambda: job.restarts() == 1, "the requeue by vael itself")
    assert read(job.run)["status"] == "interrupted"
    assert "queued this job again" in (job.run / "train.log").read_text()
    for step in steps:
        step.unlink()
    job.until(train, "training again")
    job.call("scontrol", "requeue", job.id)  # what a preemption does, and a node that fails
    job.until(lambda: job.restarts() == 2, "the requeue by SLURM")
    job.until(job.gone, "the end")
    assert (job.run / "train.log").read_text().count("continuing from") >= 1
    assert_as_if_never_stopped(whole_of_two, job.run)
    assert [path.name for path in job.run.parent.iterdir()] == [job.id]
    assert len(list(rows(job.run))) == len(list(rows(whole_of_two)))


def test_only_a_job_queues_itself_again(monkeypatch):
    assert slurm.find_own_job({}) is None
    assert slurm.find_own_job({"SLURM_JOB_ID": "7"}) == "7"
    array = {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "8", "SLURM_ARRAY_TASK_ID": "3"}
    assert slurm.find_own_job(array) == "8_3"
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert not slurm.requeue_self()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("PATH", "/nowhere")
    assert not slurm.requeue_self()
