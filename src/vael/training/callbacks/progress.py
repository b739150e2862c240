"""Progress: a bar on a terminal, a line an epoch or a minute in a log."""

import os
import time
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from vael.distributed.ownership import ATTEMPT

LINE_SECONDS = 60.0  # between two lines of a log


class ProgressBar(pl.Callback):
    """Show the training as one bar with the score and examples/s, then the test.

    In a log: a line for the first epoch, and then for each, or one a minute if epochs are shorter.
    A sweep's trials print none.

    Args:
        refresh_seconds: the least time between two redraws.
    """

    per_group = True

    def __init__(self, refresh_seconds: float = 0.5) -> None:
        self.refresh_seconds = refresh_seconds
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._drawn = 0.0
        self._told: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the bar of the training."""
        assert trainer.max_epochs is not None
        self._start(trainer, "epoch 0", trainer.max_epochs * int(trainer.num_training_batches))

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Move the bar."""
        self._train(trainer, batch_idx + 1)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Redraw with the new score."""
        self._drawn = 0.0
        self._train(trainer, int(trainer.num_training_batches))
        if self._progress is None and trainer.is_global_zero and ATTEMPT not in os.environ:
            self._tell(trainer)

    def _tell(self, trainer: pl.Trainer) -> None:
        """Print a line where it is due."""
        now, done = time.monotonic(), trainer.current_epoch + 1
        if self._told is None or now - self._told >= LINE_SECONDS or done == trainer.max_epochs:
            self._told = now
            print(f"epoch {done}/{trainer.max_epochs}  {_scores_text(trainer)}", flush=True)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the bar of the test."""
        self._start(trainer, "test", int(sum(trainer.num_test_batches)))

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Move the bar."""
        self._draw(batch_idx + 1, "test", "")

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the finished bar on the terminal."""
        self._drawn = 0.0
        self._draw(int(sum(trainer.num_test_batches)), "test", "")
        self._stop()

    def _stop(self, *hook: Any, **named: Any) -> None:
        """Give the terminal back; a finished bar stays there."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    on_train_end = on_exception = _stop

    def _start(self, trainer: pl.Trainer, what: str, total: int) -> None:
        console = Console(stderr=True)
        if not (trainer.is_global_zero and console.is_terminal):
            return
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[score]}"),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
        )
        self._progress.start()
        self._task = self._progress.add_task(what, total=total, score="")

    def _train(self, trainer: pl.Trainer, batches: int) -> None:
        if self._progress is None:
            return
        done = trainer.current_epoch * int(trainer.num_training_batches) + batches
        self._draw(done, f"epoch {trainer.current_epoch}", _scores_text(trainer))

    def _draw(self, done: int, what: str, score: str) -> None:
        if self._progress is None or time.monotonic() - self._drawn < self.refresh_seconds:
            return
        assert self._task is not None
        self._progress.update(self._task, completed=done, description=what, score=score)
        self._progress.refresh()
        self._drawn = time.monotonic()


def _scores_text(trainer: pl.Trainer) -> str:
    scores = trainer.callback_metrics
    parts = []
    if "val/bpd" in scores:
        parts.append(f"{float(scores['val/bpd']):.4f} bpd")
    elif "val/elbo" in scores:
        parts.append(f"elbo {float(scores['val/elbo']):.4g}")
    if "train/examples_per_second" in scores:
        parts.append(f"{float(scores['train/examples_per_second']):,.0f} examples/s")
    return "  ".join(parts)
