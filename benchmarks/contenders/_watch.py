"""Callbacks that watch a run of vael from inside: ``+callbacks.extra.watch={_target_: ...}``."""

import json
import os
import time
from pathlib import Path

import pytorch_lightning as pl


class FirstStep(pl.Callback):
    """Ends the process at the first optimiser step."""

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """The first one."""
        os._exit(0)


class Shares(pl.Callback):
    """Writes the seconds of training and of validation of each epoch to ``$SHARES``."""

    def __init__(self) -> None:
        self.train: list[float] = []
        self.validation: list[float] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The clock of the training."""
        self.began = time.perf_counter()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The clock of the validation."""
        self.between = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Both."""
        self.train.append(self.between - self.began)
        self.validation.append(time.perf_counter() - self.between)
        found = {"train": self.train, "validation": self.validation}
        Path(os.environ["SHARES"]).write_text(json.dumps(found))
