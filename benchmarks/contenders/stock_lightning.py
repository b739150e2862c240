"""PyTorch Lightning as its documentation shows it: DataLoader, TensorDataset, four logged values.

The DataLoader loads in the process itself: on one core, worker processes would only take turns
with it. The progress bar is off.
"""

import time
import warnings

import pytorch_lightning as pl
import torch
from _common import answer, task
from _torch import PlainVAE, adam, slow_binarise
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

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: nn.Module) -> None:
        """Starts."""
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: nn.Module) -> None:
        """Stops."""
        done = len(given.x) // given.batch * given.batch
        self.rates.append(done / (time.perf_counter() - self.started))


torch.manual_seed(0)
clock = Clock()
loader = DataLoader(
    TensorDataset(torch.from_numpy(given.x)), batch_size=given.batch, shuffle=True, drop_last=True
)
trainer = pl.Trainer(
    accelerator="cpu",
    max_epochs=given.epochs,
    callbacks=[clock],
    logger=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    enable_checkpointing=False,
)
trainer.fit(Stock(PlainVAE(given.model)), loader)
answer(rates=clock.rates[1:], threads=torch.get_num_threads(), lightning=pl.__version__)
