"""Callbacks that spoil numbers: of one step, on one rank."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from vael.models.trace import Loss


class Spoil(pl.Callback):
    """Spoils one step on one rank alone; what is spoilt is the step's, and gone afterwards.

    Args:
        what: ``loss`` (a constant is added: its gradient stays finite) or ``gradient`` (of one
            parameter, times the value, before the ranks average theirs).
        value: ``nan``, ``inf``, ``1e30``.
        step: which optimiser step.
        rank: on which process.
    """

    def __init__(self, what: str, value: float, step: int, rank: int = 0) -> None:
        self.spoil = {"loss": self._loss, "gradient": self._gradient}[what]
        self.value, self.step, self.rank = float(value), step, rank
        self.handle: Any = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Before the step."""
        if (trainer.global_step, trainer.global_rank) == (self.step, self.rank):
            self.handle = self.spoil(pl_module)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """After it."""
        if self.handle is not None:
            self.handle.remove()
            self.handle = None

    def _loss(self, lit: pl.LightningModule) -> Any:
        def add(module: object, given: object, loss: Loss) -> Loss:
            return replace(loss, value=loss.value + self.value)

        return lit.objective.register_forward_hook(add)

    def _gradient(self, lit: pl.LightningModule) -> Any:
        return next(lit.vae.likelihood.net.parameters()).register_hook(lambda g: g * self.value)


class Collapse(pl.Callback):
    """Cuts some latent dimensions of an ``mlp_vae`` off the data, and keeps the others on it."""

    def __init__(self, dims: int) -> None:
        self.dims = dims

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """The rows of the means come first in the last layer of the encoder."""
        weight = pl_module.vae.latents.posterior.net.layers[-1].weight
        size = len(weight) // 2
        with torch.no_grad():
            weight[: self.dims] = 0.0
            weight[self.dims : size] *= 1.0 / weight[self.dims : size].norm()


class FillDisk(pl.Callback):
    """Leaves no byte of the run's file system free, once, in training or as the test begins."""

    def __init__(self, step: int, test: bool, mark: str) -> None:
        self.step, self.test, self.mark = step, test, Path(mark)

    def _fill(self, trainer: pl.Trainer, test: bool) -> None:
        if self.mark.exists() or (trainer.global_step, test) != (self.step, self.test):
            return
        self.mark.touch()
        filler = os.open(
            Path(trainer.default_root_dir).parent / "filler", os.O_WRONLY | os.O_CREAT
        )
        os.lseek(filler, 0, os.SEEK_END)
        for size in (2**20, 2**12, 1):
            with suppress(OSError):
                while os.write(filler, b"x" * size):
                    pass
        os.close(filler)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """In training."""
        self._fill(trainer, test=False)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After it: what cannot be written is pictures, summary and report."""
        self._fill(trainer, test=True)
