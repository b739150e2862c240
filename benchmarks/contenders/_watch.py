"""Callbacks that watch a run of vael from inside: ``+callbacks.extra.watch={_target_: ...}``."""

import json
import os
import time
from pathlib import Path

import pytorch_lightning as pl
import torch
from _common import Turns


class FirstStep(pl.Callback):
    """Ends the process at the first optimiser step, or the first group of steps."""

    per_group = True  # content to hear of a group's end

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """The first one."""
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        os._exit(0)


class OnDemand(pl.Callback):
    """Trains an epoch when one is asked for, see `_common.Turns`; validation is not counted."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.rate: float | None = None
        self.began = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Answers and waits; the first epoch, in which all is made, is trained unasked."""
        if trainer.current_epoch:
            mode = getattr(trainer.fit_loop.epoch_loop, "mode", None)
            compiled = ", compiled" if getattr(pl_module, "compiled", None) else ""
            (Path(trainer.default_root_dir) / "step").write_text(f"{mode}{compiled}")
            if not self.turns.next(self.rate):
                os._exit(0)
        self.began = time.perf_counter()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stops the clock when the GPU is idle."""
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        seconds = time.perf_counter() - self.began
        batch = pl_module.config["data"]["batch_size"]  # type: ignore[index]
        if trainer.current_epoch:
            self.rate = trainer.num_training_batches * batch / seconds


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
