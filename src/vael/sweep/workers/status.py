"""Status of a worker: ``workers/ID.json`` says what it does now."""

import os
import socket
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from vael.files import write_json
from vael.runs.json_files import peek_json
from vael.sweep.study.records import Claim

FOLDER = "workers"
WRITE_SECONDS = 0.5  # at most so often; starting and ending a trial is written at once


@dataclass(frozen=True)
class WorkerState:
    """State of one worker, as its file ``workers/ID.json`` has it.

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
        self._state = WorkerState(worker)
        self._written = 0.0

    def write_idle(self) -> None:
        """Write that the worker has nothing to do."""
        self._write(WorkerState(self._state.worker))

    def write_begin(self, claim: Claim, epochs: int | None) -> None:
        """Write that a trial of at most so many epochs begins."""
        worker, now = self._state.worker, time.time()
        self._write(WorkerState(worker, claim.kind, claim.number, of=epochs, since=now))

    def write_progress(self, epoch: int, value: float) -> None:
        """Write that so many epochs are done, and the target is at this value."""
        self._state = replace(self._state, epoch=epoch, value=value)
        if time.monotonic() - self._written >= WRITE_SECONDS:
            self._write(self._state)

    def remove(self) -> None:
        """Remove the file when the worker exits."""
        self.path.unlink(missing_ok=True)

    def _write(self, state: WorkerState) -> None:
        self._state, self._written = state, time.monotonic()
        where = {"host": socket.gethostname(), "pid": os.getpid()}
        write_json(self.path, {**asdict(state), **where})


def read_worker_states(sweep: Path) -> list[WorkerState]:
    """Read what all workers of a sweep do, as far as they have said so."""
    names = [f.name for f in fields(WorkerState)]
    found = []
    for path in sorted((sweep / FOLDER).glob("*.json")):
        read = peek_json(path)
        if "worker" in read:  # else it is being replaced, or not ours
            state: dict[str, Any] = {name: read.get(name) for name in names}
            found.append(WorkerState(**state))
    return found
