"""Stop file: a request to end a training, left in the run's folder."""

import json
from pathlib import Path

import pytorch_lightning as pl

from vael.distributed.lightning import agree_on
from vael.runs.folder import RunFolder


class StopFile(pl.Callback):
    """End the training after an epoch once ``RUN/stop.json`` (``{"reason": ...}``) is there.

    The first process looks, all stop alike. The run ends as any other does, with its checkpoints
    and pictures. A run in its last epoch is finished instead.

    Attributes:
        reason: why it was stopped; None where it was not.
    """

    def __init__(self, folder: Path) -> None:
        self.path = RunFolder(folder).stop
        self.reason: str | None = None

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look for the request."""
        last = trainer.current_epoch + 1 == trainer.max_epochs
        if not last and agree_on(trainer, trainer.is_global_zero and self.path.exists()):
            self.reason = _read_reason(self.path)
            trainer.should_stop = True


def _read_reason(path: Path) -> str:
    """Return the reason; a file of another kind asks as well."""
    try:
        return str(json.loads(path.read_text())["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"asked to by {path.name}"
