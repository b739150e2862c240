"""Floor 8: one bar on a terminal, nothing in a log."""

import time

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


class ProgressBar(pl.Callback):
    """The whole run as one bar, with the score and examples/s; quiet where there is no terminal.

    Args:
        refresh_seconds: the least time between two redraws.
    """

    def __init__(self, refresh_seconds: float = 0.5) -> None:
        self.refresh_seconds = refresh_seconds
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._drawn = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws the bar if there is a terminal to draw on."""
        console = Console(stderr=True)
        if not (trainer.is_global_zero and console.is_terminal):
            return
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[score]}"), TimeRemainingColumn(),
            console=console, auto_refresh=False, transient=False,
        )
        assert trainer.max_epochs is not None
        self._progress.start()
        self._task = self._progress.add_task(
            "train", total=trainer.max_epochs * int(trainer.num_training_batches), epoch=0,
            score="",
        )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object,
        batch_idx: int,
    ) -> None:
        """Moves the bar, at most every refresh_seconds."""
        if self._progress is None or time.monotonic() - self._drawn < self.refresh_seconds:
            return
        self._draw(trainer, batch_idx + 1)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Redraws with the new score."""
        if self._progress is not None:
            self._draw(trainer, int(trainer.num_training_batches))

    def _draw(self, trainer: pl.Trainer, batches: int) -> None:
        assert self._progress is not None
        assert self._task is not None
        scores = trainer.callback_metrics
        parts = []
        if "val/bpd" in scores:
            parts.append(f"{float(scores['val/bpd']):.4f} bpd")
        elif "val/elbo" in scores:
            parts.append(f"elbo {float(scores['val/elbo']):.4g}")
        if "train/examples_per_second" in scores:
            parts.append(f"{float(scores['train/examples_per_second']):,.0f} examples/s")
        done = trainer.current_epoch * int(trainer.num_training_batches) + batches
        self._progress.update(self._task, completed=done, epoch=trainer.current_epoch,
                              score="  ".join(parts))
        self._progress.refresh()
        self._drawn = time.monotonic()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leaves the finished bar on the terminal."""
        self._stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Gives the terminal back before anything is printed."""
        self._stop()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
