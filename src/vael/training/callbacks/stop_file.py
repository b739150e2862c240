"""Stop file: a request to end a training, left in the run's folder."""

from pathlib import Path

import pytorch_lightning as pl

from vael.distributed.lightning import agree_on
from vael.runs.folder import RunFolder
from vael.runs.json_files import peek_json


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
            asked = peek_json(self.path)  # a file of another kind asks as well
            self.reason = str(asked.get("reason", f"asked to by {self.path.name}"))
            trainer.should_stop = True
