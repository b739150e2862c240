"""Outcome of an attempt at a trial, from what it left behind."""

from pathlib import Path

from vael.distributed.failures import describe_signal
from vael.errors import DiskError
from vael.runs.summary import peek_summary
from vael.sweep.study.records import Outcome
from vael.sweep.workers.command import LOG

UNWRITTEN = 120  # Python's own code where what it said could not be written
FIRST_SIGNAL_CODE = 128  # from there on, as in a shell, 128 + the signal's number


def find_outcome(folder: Path, returncode: int, asked: bool) -> Outcome:
    """Find the outcome of a process that is gone.

    A pruned or finished run is told so whatever came after. What a signal ended can go on from
    its last checkpoint; what an error ended would end so again.

    Args:
        folder: the trial's.
        returncode: its exit code; minus the signal's number where it was killed.
        asked: whether its worker was stopping it.
    """
    summary = peek_summary(folder)
    status, reason = summary.get("status"), summary.get("reason")
    if returncode in (DiskError.exit_code, UNWRITTEN):
        return Outcome(
            "stopped", reason if status == "interrupted" else read_last_line(folder / LOG)
        )
    if status == "pruned":
        return Outcome("pruned", reason)
    if status == "finished":
        if summary["metrics"].get(summary["target"]) is None:
            return Outcome("failed", f"{summary['target']} is not finite in any epoch")
        return Outcome("complete")
    if returncode < 0 or returncode >= FIRST_SIGNAL_CODE or returncode == 0:
        number = -returncode if returncode < 0 else returncode - FIRST_SIGNAL_CODE
        how = describe_signal(number) if returncode else "it ended without a result"
        return Outcome("stopped" if asked else "lost", how)
    if status != "failed" or not reason:
        reason = read_last_line(folder / LOG) or f"exit code {returncode}"
    return Outcome("failed", reason)


def read_last_line(log: Path) -> str | None:
    """Read the last line that a process said, without vael's name before it."""
    try:
        lines = log.read_text(errors="replace").split("\n")
    except OSError:
        return None
    said = [line.strip() for line in lines if line.strip()]
    return said[-1].removeprefix("vael: ")[:500] if said else None
