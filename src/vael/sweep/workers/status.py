"""Status of a worker: ``workers/ID.json`` says what it does now."""

import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vael.files import write_json
from vael.sweep.study.records import Claim

FOLDER = "workers"
WRITE_SECONDS = 0.5  # at most so often; starting and ending a trial is written at once


@dataclass(frozen=True)
class WorkerState:
    """What one worker does now, as it says in ``workers/ID.json``.

    Attributes:
        kind: ``trial`` or ``confirmation``; None while it has nothing to do.
        number: of the trial or confirmation.
        epoch: done so far; of: how many there will be, where that is known.
        value: the latest of the (first) target.
        since: seconds since the epoch when it began with this trial.
    """

    worker: str
    kind: str | None = None
    number: int | None = None
    epoch: int | None = None
    of: int | None = None
    value: float | None = None
    since: float | None = None


class StatusFile:
    """One worker's own file."""

    def __init__(self, sweep: Path, worker: str) -> None:
        self.path = sweep / FOLDER / f"{worker}.json"
        self._who = {"worker": worker, "host": socket.gethostname(), "pid": os.getpid()}
        self._written = 0.0

    def write_idle(self) -> None:
        """Write that the worker has nothing to do."""
        self._write({"kind": None})

    def write_begin(self, claim: Claim, epochs: int | None) -> None:
        """Write that a trial of at most so many epochs begins."""
        self._trial = {
            "kind": claim.kind,
            "number": claim.number,
            "of": epochs,
            "since": time.time(),
            "epoch": None,
            "value": None,
        }
        self._write(self._trial)

    def write_progress(self, epoch: int, value: float) -> None:
        """Write that so many epochs are done, and the target is at this value."""
        self._trial |= {"epoch": epoch, "value": value}
        if time.monotonic() - self._written >= WRITE_SECONDS:
            self._write(self._trial)

    def remove(self) -> None:
        """Remove the file when the worker exits."""
        self.path.unlink(missing_ok=True)

    def _write(self, now: Mapping[str, object]) -> None:
        self._written = time.monotonic()
        write_json(self.path, {**self._who, **now})


def read_worker_states(sweep: Path) -> list[WorkerState]:
    """Read what all workers of a sweep do, as far as they have said so."""
    found = []
    for path in sorted((sweep / FOLDER).glob("*.json")):
        try:
            read = json.loads(path.read_text())
            found.append(
                WorkerState(
                    read["worker"],
                    read.get("kind"),
                    read.get("number"),
                    read.get("epoch"),
                    read.get("of"),
                    read.get("value"),
                    read.get("since"),
                )
            )
        except (OSError, ValueError, TypeError, KeyError):
            continue  # being replaced, or not ours
    return found
