"""Floor 8: last.ckpt, from which a run goes on at the next batch."""

from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint

from vael.distributed.signals import Stopped, TrainingStopRequest


class Last(Checkpoint):
    """Saves every so many epochs or steps, and when a signal asks the run to stop.

    Never at the last batch of an epoch: the epoch's end, with its validation, belongs to it and
    is saved a moment later. Never between accumulated batches, whose gradients are in no
    checkpoint. Lightning calls it after all other callbacks, so that their state is saved too.

    Args:
        path: of the checkpoint.
        every_n_epochs: epochs between two checkpoints.
        every_n_steps: optimiser steps between two checkpoints within an epoch; None: none.
        stop: what the signals are remembered in.
    """

    def __init__(
        self, path: Path, every_n_epochs: int, every_n_steps: int | None, stop: TrainingStopRequest
    ) -> None:
        self.path = path
        self.every_n_epochs = every_n_epochs
        self.every_n_steps = every_n_steps
        self.stop = stop

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes the signals back from Lightning."""
        self.stop.retake()

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes the signals back from Lightning."""
        self.stop.retake()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Within an epoch."""
        if trainer.is_last_batch or (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        number = self._asked(trainer)
        due = self.every_n_steps is not None and trainer.global_step % self.every_n_steps == 0
        if number or due:
            trainer.save_checkpoint(self.path)
        if number:
            raise Stopped(number, trainer.global_step, self.path.parents[1])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After the epoch's validation."""
        number = self._asked(trainer)
        last = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        if number or last or (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            trainer.save_checkpoint(self.path)
        if number:
            raise Stopped(number, trainer.global_step, self.path.parents[1])

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """The training is saved already, and the test is done anew.

        Ranks differ in their number of batches, so each stops for itself.
        """
        if self.stop.number:
            raise Stopped(self.stop.number, trainer.global_step, self.path.parents[1])

    def _asked(self, trainer: pl.Trainer) -> int:
        """The signal that any process got: all stop at the same batch."""
        if trainer.world_size == 1:
            return self.stop.number
        heard = torch.tensor(self.stop.number, device=trainer.strategy.root_device)
        torch.distributed.all_reduce(heard, torch.distributed.ReduceOp.MAX)
        return int(heard)
