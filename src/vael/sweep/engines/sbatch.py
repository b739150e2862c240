"""SLURM's commands for a sweep: one job array of identical workers, watched without accounting.

    sbatch ──► task 0 ──► vael sweep-node FOLDER ──► workers ──► trials
           ──► task 1 ──► vael sweep-node FOLDER ...

Every task pulls trials from the same study. A task that is cancelled or whose node dies costs
nothing: SLURM requeues it where it may, and the others adopt its trial. Two minutes before its
time limit a task gets SIGUSR1: it gives its trial back and queues itself again.
"""

import re
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from vael.distributed.slurm import run_command
from vael.errors import ConfigError, VaelError
from vael.files import write_text

WARNING_SECONDS = 120
OURS = {"array", "requeue", "signal", "output", "error", "open-mode", "parsable", "wrap"}


def make_script(
    folder: Path, tasks: int, arguments: Sequence[str], options: Mapping[str, object]
) -> str:
    """Write the batch script of a sweep.

    Args:
        folder: the sweep's folder, shared between the nodes.
        tasks: workers' tasks, one for each element of the array.
        arguments: of ``vael sweep-node``, after the folder.
        options: sbatch's own by their long names: ``partition: gpu`` is ``--partition=gpu``, a
            true one a flag without a value.

    Raises:
        ConfigError: an option that is none, or that vael sets itself.
    """
    head = [
        f"--job-name=vael-{folder.name}",
        f"--array=0-{tasks - 1}",
        "--requeue",
        f"--signal=B:USR1@{WARNING_SECONDS}",
        "--open-mode=append",
        f"--output={folder.resolve()}/slurm/%a.log",
    ]
    for name, value in options.items():
        flag = name.replace("_", "-")
        if not re.fullmatch(r"[a-z][a-z0-9-]*", flag) or "\n" in str(value):
            raise ConfigError(f"slurm.{name} must be the long name of an option of sbatch.")
        if flag in OURS:
            raise ConfigError(f"slurm.{name} is set by vael itself: leave it out.")
        if value is not False:
            head.append(f"--{flag}" if value is True else f"--{flag}={value}")
    command = [sys.executable, "-m", "vael.cli", "sweep-node", str(folder.resolve()), *arguments]
    lines = ["#!/bin/bash", *(f"#SBATCH {flag}" for flag in head)]
    # exec: the signal goes to the batch step's first process only
    return "\n".join([*lines, f"exec {shlex.join(command)}", ""])


def check_sbatch() -> None:
    """Check that sbatch is installed."""
    if shutil.which("sbatch") is None:
        raise ConfigError(
            "--engine slurm needs sbatch on the PATH: call it on a login node of the cluster."
        )


def submit_script(folder: Path, text: str) -> str:
    """Hand the script to sbatch, from where we are, and return the job's id.

    Raises:
        ConfigError: there is no sbatch here, or it refuses.
    """
    check_sbatch()
    path = folder / "slurm" / "job.sh"
    path.parent.mkdir(exist_ok=True)
    write_text(path, text)
    done = run_command("sbatch", "--parsable", str(path))
    if done.returncode:
        raise ConfigError(f"sbatch refused {path}: {_line(done.stderr)}")
    return done.stdout.strip().split(";")[0]


def count_tasks_left(job: str) -> Counter[str]:
    """Count the tasks of a job array in each state; ended ones are not among them.

    Raises:
        VaelError: squeue does not answer.
    """
    done = run_command("squeue", "--noheader", "--array", "--format=%T", "--jobs", job)
    if done.returncode and "Invalid job id" not in done.stderr:  # ended some time ago
        raise VaelError(f"squeue does not answer: {_line(done.stderr)}")
    return Counter(done.stdout.split())


def _line(text: str) -> str:
    return " ".join(text.split())
