"""Floor 8: leaves a folder that another process has taken over."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from vael import tenure

EVERY = 1.0  # seconds between two looks while nothing is written


class Tenant(pl.Callback):
    """Ends the process, in the middle of an epoch too, once the folder is not its own any more.

    To be the first of the callbacks: it looks before anything is written.

    Raises:
        Evicted: from each of its hooks.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._looked = float("-inf")

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """At times."""
        self._at_times()

    def on_validation_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """At times."""
        self._at_times()

    def on_test_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """At times."""
        self._at_times()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Before the epoch's row is written."""
        tenure.check(self.folder)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Before a checkpoint is written."""
        tenure.check(self.folder)

    def _at_times(self) -> None:
        if time.monotonic() - self._looked > EVERY:
            tenure.check(self.folder)
            self._looked = time.monotonic()
