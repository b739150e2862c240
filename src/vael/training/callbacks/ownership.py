"""Callback that leaves a run folder which another process has taken over."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from vael.distributed.ownership import check_ownership

LOOK_SECONDS = 1.0  # between two looks while nothing is written


class OwnershipCheck(pl.Callback):
    """End the process, in the middle of an epoch too, once the folder is not its own any more.

    To be the first of the callbacks: it looks before anything is written.

    Raises:
        Evicted: from each of its hooks.
    """

    per_group = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._looked = float("-inf")

    def on_train_batch_start(self, *hook: Any, **named: Any) -> None:
        """Check ownership, at most once a second."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            check_ownership(self.folder)
            self._looked = time.monotonic()

    on_validation_batch_start = on_test_batch_start = on_train_batch_start

    def on_train_epoch_end(self, *hook: Any, **named: Any) -> None:
        """Check ownership before the epoch's row, or a checkpoint, is written."""
        check_ownership(self.folder)

    on_save_checkpoint = on_train_epoch_end
