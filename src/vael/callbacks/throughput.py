"""Floor 8: examples per second of training, without validation."""

import time

import pytorch_lightning as pl


class Throughput(pl.Callback):
    """Publishes ``train/examples_per_second`` of each epoch, over all devices.

    Args:
        batch_size: the global batch.
    """

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self._started = 0.0
        self._batches = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock."""
        self._started, self._batches = time.perf_counter(), 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock of an epoch that is continued in its middle."""
        self._started, self._batches = time.perf_counter(), 0

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Counts, and stops the clock at the last batch: validation comes next."""
        self._batches += 1
        if trainer.is_last_batch:
            seconds = time.perf_counter() - self._started
            rate = self._batches * self.batch_size / seconds
            pl_module.log("train/examples_per_second", rate, logger=False)
