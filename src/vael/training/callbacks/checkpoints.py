"""Checkpoints: best.ckpt by the validation score, last.ckpt to go on from at the next batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint

from vael.distributed.lightning import agree_on
from vael.distributed.signals import Stopped, TrainingStopRequest
from vael.errors import CheckpointError


class BestCheckpoint(ModelCheckpoint):
    """Keep the weights with the best validation score, also where the folder was moved.

    Lightning would forget the best score there, and put the next epoch's weights in its place.

    Args:
        path: of the checkpoint.
        monitor: the score.
        mode: ``min`` or ``max``.
    """

    def __init__(self, path: Path, monitor: str, mode: str) -> None:
        super().__init__(
            path.parent,
            path.stem,
            monitor=monitor,
            mode=mode,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self._name = path.name

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the state with the paths of this folder.

        Raises:
            CheckpointError: there is a best score, but its checkpoint is gone.
        """
        best = Path(str(self.dirpath), self._name)
        known = bool(state_dict["best_model_path"])
        if known and not best.is_file():
            raise CheckpointError(
                f"{best} is missing: the run that last.ckpt continues had the best weights so far "
                "there. Put it back, or delete last.ckpt, too, to start anew."
            )
        here = str(best) if known else ""
        scores = dict.fromkeys([here] if known else [], state_dict["best_model_score"])
        super().load_state_dict(
            {
                **state_dict,
                "dirpath": self.dirpath,
                "best_model_path": here,
                "kth_best_model_path": here,
                "best_k_models": scores,
            }
        )


@dataclass(eq=False)
class LastCheckpoint(Checkpoint):
    """Save every so many epochs or steps, and when a signal asks the run to stop.

    Never at the last batch of an epoch: the epoch's end, with its validation, belongs to it and
    is saved a moment later. Never between accumulated batches, whose gradients are in no
    checkpoint. Lightning calls it after all other callbacks, so that their state is saved too.

    Args:
        path: of the checkpoint.
        every_n_epochs: epochs between two checkpoints.
        every_n_steps: optimiser steps between two checkpoints within an epoch; None: none.
        stop: what the signals are remembered in.
    """

    per_group = True

    path: Path
    every_n_epochs: int
    every_n_steps: int | None
    stop: TrainingStopRequest

    def on_train_start(self, *hook: Any, **named: Any) -> None:
        """Take the signals back from Lightning."""
        self.stop.retake()

    on_test_start = on_train_start

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Save within an epoch where it is due, or where a signal asks for it."""
        if trainer.is_last_batch or (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        every = self.every_n_steps
        self._save(trainer, due=every is not None and trainer.global_step % every == 0)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after the epoch's validation."""
        done = trainer.current_epoch + 1
        last = trainer.should_stop or done == trainer.max_epochs
        self._save(trainer, due=last or done % self.every_n_epochs == 0)

    def on_test_batch_end(self, trainer: pl.Trainer, *hook: object) -> None:
        """Stop for a signal: the training is saved already, and the test is done anew.

        Ranks differ in their number of batches, so each stops for itself.
        """
        self._stop(trainer, self.stop.number)

    def _save(self, trainer: pl.Trainer, due: bool) -> None:
        """Save where it is due or any process got a signal: all stop at the same batch."""
        number = agree_on(trainer, self.stop.number)
        if number or due:
            trainer.save_checkpoint(self.path)
        self._stop(trainer, number)

    def _stop(self, trainer: pl.Trainer, number: int) -> None:
        if number:
            raise Stopped(number, trainer.global_step, self.path.parents[1])
