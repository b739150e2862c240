"""Runs of 3 epochs with 5 steps each, whose optimiser and schedules have state."""

import os
import subprocess
import sys
from pathlib import Path

from helpers.identical import read
from helpers.runs import ROOT

STATEFUL = (
    "scheduler=plateau",
    "scheduler.patience=0",
    "scheduler.factor=0.9",
    "objective/schedule=linear",
    "objective.schedule.steps=9",
    "trainer.log_every_n_steps=2",
    "callbacks.checkpoint.every_n_steps=2",
)
KILLED = -9


def log(folder: Path) -> str:
    """What its processes have printed."""
    return (folder / "process.log").read_text()


def start_two(folder: Path) -> int:
    """Trains in two processes under their supervisor; KILLED where one of them was."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "OMP_NUM_THREADS": "1"}
    with (folder / "process.log").open("a") as out:
        done = subprocess.run(
            [sys.executable, "-m", "vael.cli", "train", str(folder)],
            env=environment,
            stdout=out,
            stderr=out,
            check=False,
            timeout=300,
        )
    if done.returncode == 137:
        assert read(folder)["reason"].endswith("by hand or by the kernel when memory ran out")
        return KILLED
    return done.returncode
