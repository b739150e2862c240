"""PyTorch Lightning as its documentation shows it: DataLoader, TensorDataset, four logged values.

The DataLoader loads in the process itself: on one core, worker processes would only take turns
with it. The progress bar is off. On a GPU the batches are pinned.
"""

import os
import time
import warnings

import pytorch_lightning as pl
import torch
from _common import Turns, answer, task
from _torch import PlainVAE, adam, finish, slow_binarise
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
given = task()
torch.set_num_threads(1)


class Stock(pl.LightningModule):
    """The same VAE, logging loss, distortion, rate and ELBO."""

    def __init__(self, vae: PlainVAE) -> None:
        super().__init__()
        self.vae = vae

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The loss of one batch."""
        x = slow_binarise(batch[0])
        mu, log_var = self.vae.encoder(x).chunk(2, 1)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        logits = self.vae.decoder(z)
        distortion = binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
        rate = -0.5 * torch.sum(1 + log_var - mu * mu - log_var.exp()) / len(x)
        loss = distortion + rate
        self.log("train/loss", loss)
        self.log("train/distortion", distortion)
        self.log("train/rate", rate)
        self.log("train/elbo", -loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return adam(self.parameters(), given)


class Clock(pl.Callback):
    """Times the epochs."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.turns = Turns() if "TURNS" in os.environ else None

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: nn.Module) -> None:
        """Starts."""
        warm = len(self.rates) > 0
        if self.turns and warm and not self.turns.next(self.rates[-1] if self.rates[1:] else None):
            os._exit(0)
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: nn.Module) -> None:
        """Stops."""
        finish(given)
        done = len(given.x) // given.batch * given.batch
        self.rates.append(done / (time.perf_counter() - self.started))


torch.manual_seed(0)
clock = Clock()
loader = DataLoader(
    TensorDataset(torch.from_numpy(given.x)),
    batch_size=given.batch,
    shuffle=True,
    drop_last=True,
    pin_memory="gpu" in given.options,
)
trainer = pl.Trainer(
    accelerator="gpu" if "gpu" in given.options else "cpu",
    devices=1,
    max_epochs=-1 if clock.turns else given.epochs,
    callbacks=[clock],
    logger=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    enable_checkpointing=False,
)
trainer.fit(Stock(PlainVAE(given.model)), loader)
answer(rates=clock.rates[1:], threads=torch.get_num_threads(), lightning=pl.__version__)
