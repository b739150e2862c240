"""A study without a storage: numbers, folders, leases and what was told."""

import json
import threading
from pathlib import Path

from vael.sweep import lease
from vael.sweep.definition import Definition, Limits
from vael.sweep.records import Claim, Wait


class FakeStudy:
    """Hands out prepared run folders and remembers all it hears.

    Args:
        folder: of the sweep.
        runs: one for each trial.
        prune_at: epochs after which a trial is told to stop, by its number.
        limits: of the definition.
    """

    target = "val/bpd"

    def __init__(self, folder: Path, runs, prune_at=(), limits=Limits(), away=None):
        self.folder, self.runs = folder, list(runs)
        self.definition = Definition("fake", ("val/bpd",), ("minimize",), limits=limits, lease=5.0)
        self.prune_at = dict(prune_at)
        self.told, self.reports, self.attempts = {}, [], {}
        self.waiting = list(range(len(self.runs)))
        self.threads = set()
        self.away = away or (lambda: None)

    def claim(self, worker):
        self.threads.add(threading.active_count())
        if not self.waiting:
            return None
        number = self.waiting.pop(0)
        self.attempts[number] = attempt = self.attempts.get(number, 0) + 1
        lease.take(self.runs[number], worker, attempt)
        return Claim("trial", number, self.runs[number], attempt)

    def report(self, claim, step, value):
        self.away()
        self.reports.append((claim.number, step, value))
        return step >= self.prune_at.get(claim.number, 10**9)

    def finish(self, claim, outcome):
        self.told.setdefault(claim.number, []).append(outcome)
        if outcome.kind == "lost":
            self.waiting.append(claim.number)
        lease.free(claim.folder)
