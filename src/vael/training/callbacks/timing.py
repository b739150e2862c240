"""Timing: the seconds of a run over all its attempts, and its examples per second."""

import logging
import time
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch

log = logging.getLogger("vael")
LONG_SECONDS = 5.0  # of training: less measures nothing
SHARE = 0.5  # of one core: below it, steps wait more than they compute


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

    Where threads that work together wait for a processor that others use, it says so once.

    Args:
        batch_size: the global batch.
    """

    per_group = True

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self._started = self._worked = self._seconds = self._busy = 0.0
        self._first = 0
        self._said = False

    def on_train_epoch_start(self, trainer: pl.Trainer, *hook: Any, **named: Any) -> None:
        """Start the clock of an epoch, or of one that is continued in its middle."""
        self._started, self._first = time.perf_counter(), trainer.fit_loop.total_batch_idx
        self._worked = time.process_time()

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
            self._seconds += seconds
            self._busy += time.process_time() - self._worked
            hint = describe_waiting(self._seconds, self._busy, torch.get_num_threads())
            if hint and not self._said and pl_module.device.type == "cpu":
                self._said = True
                log.warning(hint)


def describe_waiting(seconds: float, worked: float, threads: int) -> str | None:
    """Say that steps wait for the processor; None where they do not, or one thread computes.

    Args:
        seconds: that the training took.
        worked: processor time of it, of all threads.
        threads: that compute together: the slowest one holds up all.
    """
    if threads < 2 or seconds < LONG_SECONDS or worked > SHARE * seconds:
        return None
    return (
        f"{seconds:.0f} s of training had {worked:.1f} s of processor time: other processes "
        f"want the cores, and {threads} threads wait for each other. trainer.threads=1 waits less."
    )
