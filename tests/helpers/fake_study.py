"""A study without a storage: numbers, folders, leases and what was told."""

import threading
from pathlib import Path

from vael.sweep.spec.definition import Definition, Limits
from vael.sweep.study import lease
from vael.sweep.study.records import Claim

TRIAL = (
    "logger=csv",
    "model=mlp_vae",
    "model.latent_dim=3",
    "data.limit=200",
    "data.batch_size=64",
    "trainer.max_epochs=4",
    "evaluation.test=false",
    "report=false",
    "callbacks.pictures.num_examples=20",
)
STEPS = 2  # of an epoch: 180 examples in batches of 64


class FakeStudy:
    """Hands out prepared run folders and remembers all it hears.

    Args:
        folder: of the sweep.
        runs: one for each trial.
        prune_at: epochs after which a trial is told to stop, by its number.
        limits: of the definition.
    """

    target = "val/bpd"

    def __init__(self, folder: Path, runs, prune_at=(), limits=None, away=None):
        self.folder, self.runs = folder, list(runs)
        self.definition = Definition(
            "fake", ("val/bpd",), ("minimize",), lease=5.0, limits=limits or Limits()
        )
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
        lease.take_lease(self.runs[number], worker, attempt)
        return Claim("trial", number, self.runs[number], attempt)

    def report(self, claim, step, value):
        self.away()
        self.reports.append((claim.number, step, value))
        return step >= self.prune_at.get(claim.number, 10**9)

    def finish(self, claim, outcome):
        self.told.setdefault(claim.number, []).append(outcome)
        if outcome.kind == "lost":
            self.waiting.append(claim.number)
        lease.free_lease(claim.folder)
