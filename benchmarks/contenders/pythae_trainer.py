"""pythae's own trainer. It takes the grey values as they are: it does not binarise."""

import os
import tempfile
import time
import warnings
from typing import Any

import torch
from _common import answer, task
from _pythae import vae
from pythae.data.datasets import BaseDataset
from pythae.trainers import BaseTrainer, BaseTrainerConfig

warnings.filterwarnings("ignore")
given = task()
torch.set_num_threads(1)
torch.manual_seed(0)


class Timed(BaseTrainer):
    """Times the epochs."""

    rates: list[float] = []  # noqa: RUF012

    def train_step(self, epoch: int) -> Any:
        """One epoch."""
        started = time.perf_counter()
        loss = super().train_step(epoch)
        steps = len(self.train_loader)
        self.rates.append(steps * given.batch / (time.perf_counter() - started))
        return loss


model = vae(given.model)
x = torch.from_numpy(given.x[: len(given.x) // given.batch * given.batch]).float() / 255
x = x.reshape(-1, 1, 28, 28)
with tempfile.TemporaryDirectory() as folder:
    settings = BaseTrainerConfig(
        output_dir=folder,
        num_epochs=given.epochs,
        learning_rate=1e-3,
        per_device_train_batch_size=given.batch,
        no_cuda=True,
        steps_saving=None,
        optimizer_params={"fused": True} if "fused" in given.options else None,
    )
    trainer = Timed(model, BaseDataset(x, torch.zeros(len(x))), training_config=settings)
    with open(os.devnull, "w") as nowhere:
        import contextlib

        with contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
            trainer.train()
answer(rates=trainer.rates[1:], threads=torch.get_num_threads())
