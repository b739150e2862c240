"""Timing: the seconds of a run over all its attempts, and its examples per second."""

import time
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl


class RunTimer(pl.Callback):
    """Measure the seconds that a run has taken, over all its attempts, in its checkpoints.

    What an attempt did after its last checkpoint is lost, and its time is not counted.
    """

    def __init__(self) -> None:
        self.before = 0.0
        self._started = time.perf_counter()

    def start(self, checkpoint: Mapping[str, Any]) -> None:
        """Start from zero, or from the seconds in the checkpoint that the run continues from."""
        states = checkpoint.get("callbacks", {})
        self.before = float(states.get(self.state_key, {}).get("seconds", 0.0))
        self._started = time.perf_counter()

    def seconds(self) -> float:
        """Return the seconds of this attempt and of what it continues."""
        return self.before + time.perf_counter() - self._started

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"seconds": self.seconds()}


class Throughput(pl.Callback):
    """Publish ``train/examples_per_second`` of each epoch, over all devices.

    Args:
        batch_size: the global batch.
    """

    per_group = True

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self._started = 0.0
        self._first = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, *hook: Any, **named: Any) -> None:
        """Start the clock of an epoch, or of one that is continued in its middle."""
        self._started, self._first = time.perf_counter(), trainer.fit_loop.total_batch_idx

    on_train_start = on_train_epoch_start

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: object
    ) -> None:
        """Stop the clock at the last batch: validation comes next."""
        if trainer.is_last_batch:
            seconds = time.perf_counter() - self._started
            batches = trainer.fit_loop.total_batch_idx - self._first
            rate = batches * self.batch_size / seconds
            pl_module.log("train/examples_per_second", rate, logger=False)
