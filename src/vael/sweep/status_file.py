"""Floor 10: workers/ID.json, what each worker does now."""

import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from vael.files import write_json
from vael.sweep.display import WorkerState
from vael.sweep.records import Claim

FOLDER = "workers"
AT_MOST_EVERY = 0.5  # seconds; starting and ending a trial is written at once


class StatusFile:
    """One worker's own file."""

    def __init__(self, sweep: Path, worker: str) -> None:
        self.path = sweep / FOLDER / f"{worker}.json"
        self._who = {"worker": worker, "host": socket.gethostname(), "pid": os.getpid()}
        self._written = 0.0

    def idle(self) -> None:
        """It has nothing to do."""
        self._write({"kind": None})

    def begins(self, claim: Claim, epochs: int | None) -> None:
        """It starts a trial of at most so many epochs."""
        self._trial = {
            "kind": claim.kind,
            "number": claim.number,
            "of": epochs,
            "since": time.time(),
            "epoch": None,
            "value": None,
        }
        self._write(self._trial)

    def progresses(self, epoch: int, value: float) -> None:
        """So many epochs are done, and the target is at this value."""
        self._trial |= {"epoch": epoch, "value": value}
        if time.monotonic() - self._written >= AT_MOST_EVERY:
            self._write(self._trial)

    def leaves(self) -> None:
        """It ends."""
        self.path.unlink(missing_ok=True)

    def _write(self, now: Mapping[str, object]) -> None:
        self._written = time.monotonic()
        write_json(self.path, {**self._who, **now})


def read_all(sweep: Path) -> list[WorkerState]:
    """What all workers of a sweep do, as far as they have said so."""
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
