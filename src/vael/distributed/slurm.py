"""SLURM's commands: which job this process is of, and queueing it again."""

import os
import subprocess
from collections.abc import Mapping

from vael.errors import VaelError


def run_command(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of SLURM's.

    Raises:
        VaelError: it does not answer.
    """
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired as error:
        raise VaelError(
            f"{command[0]} does not answer within 60 s: is the controller up?"
        ) from error


def find_own_job(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the batch job of this process, as scontrol calls it; None outside of one."""
    array, task = environ.get("SLURM_ARRAY_JOB_ID"), environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else environ.get("SLURM_JOB_ID")


def requeue_self() -> bool:
    """Queue this job again; SLURM ends it now, and starts it anew when there is room.

    SLURM refuses for a job that was submitted with ``--no-requeue`` or is interactive.
    """
    job = find_own_job()
    try:
        return job is not None and run_command("scontrol", "requeue", job).returncode == 0
    except (OSError, VaelError):
        return False
