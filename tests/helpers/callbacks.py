"""Callbacks that interfere with a run: kill, poison, wait, raise, keep."""

import atexit
import json
import os
import signal
import time
from pathlib import Path

import pytorch_lightning as pl
import torch
from helpers.runs import contents

from vael.files import write_json


class Kill(pl.Callback):
    """Sends a signal to its own process at a place of the run, if the rank is the one."""

    def __init__(self, number: str, where: str, step: int = 0, rank: int = 0) -> None:
        self.number = signal.Signals[number]
        self.where = where
        self.step = step
        self.rank = rank

    def _hit(self, trainer: pl.Trainer, where: str) -> None:
        if (where, trainer.global_step, trainer.global_rank) == (self.where, self.step, self.rank):
            os.kill(os.getpid(), self.number)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """While a batch is trained on."""
        self._hit(trainer, "batch")

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """While an epoch is validated."""
        self._hit(trainer, "validation")

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """When the epoch before is over and saved."""
        self._hit(trainer, "epoch")

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """While the test is scored."""
        self._hit(trainer, "test")


class Poison(pl.Callback):
    """Makes a parameter NaN, or of another value, before an optimiser step, once."""

    def __init__(self, step: int, value: float = float("nan")) -> None:
        self.step = step
        self.value = value

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Writes it into the first weights of the decoder."""
        if trainer.global_step == self.step:
            with torch.no_grad():
                next(pl_module.vae.likelihood.net.parameters())[0] = self.value


class Dice(pl.Callback):
    """A user's callback with a random number that comes from nowhere."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Moves a bias of the decoder by a little."""
        if trainer.global_step == self.step:
            with torch.no_grad():
                bias = list(pl_module.vae.likelihood.net.parameters())[-1]
                bias[0] += time.time_ns() % 997 / 1e4


class KeepWeights(pl.Callback):
    """Each rank writes its own weights at the end of training."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """To ``folder/rank_N.pt``."""
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        state = {name: value.clone() for name, value in pl_module.state_dict().items()}
        torch.save(state, Path(self.folder) / f"rank_{trainer.global_rank}.pt")


class KeepEnd(pl.Callback):
    """Each rank that ends in peace writes whether it still is in the group of all then."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Prepare to write ``folder/rank_N.json`` when Python ends."""
        atexit.register(self._write, self.folder / f"rank_{trainer.global_rank}.json")

    def _write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(torch.distributed.is_initialized()))


class KeepSteps(pl.Callback):
    """Writes the raw weights after every optimiser step."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """To ``folder/STEP.pt``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.clone() for name, value in pl_module.state_dict().items()}
        torch.save(state, self.folder / f"{trainer.global_step}.pt")


class Raise(pl.Callback):
    """A bug that shows on one rank alone."""

    def __init__(self, rank: int, step: int) -> None:
        self.rank = rank
        self.step = step

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Raises before this step."""
        if (trainer.global_rank, trainer.global_step) == (self.rank, self.step):
            raise LookupError(f"no tea on rank {self.rank}")


class Wait(pl.Callback):
    """Tells that training has begun, then lets its steps last long enough to interfere."""

    def __init__(self, file: str, seconds: float = 0.2) -> None:
        self.file = file
        self.seconds = seconds

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Writes the process's id."""
        Path(f"{self.file}_{trainer.global_rank}").write_text(str(os.getpid()))
        time.sleep(self.seconds)


class Greedy(pl.Callback):
    """Asks for more memory than there is, at one step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Allocates 2^45 numbers."""
        if trainer.global_step == self.step:
            torch.empty(2**45)


class KillOnce(Kill):
    """The same in one attempt only: the next one finds the file."""

    def __init__(self, file: str, number: str, where: str, step: int = 0, rank: int = 0) -> None:
        super().__init__(number, where, step, rank)
        self.file = Path(file)

    def _hit(self, trainer: pl.Trainer, where: str) -> None:
        here = (where, trainer.global_step, trainer.global_rank)
        if here == (self.where, self.step, self.rank) and not self.file.exists():
            self.file.touch()
            os.kill(os.getpid(), self.number)


class Confess(pl.Callback):
    """Each rank writes the config that it trains and the sizes of what it has built."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """To ``RUN/rank_N.json``, in one step: a test waits for it."""
        sizes = {name: list(value.shape) for name, value in pl_module.named_parameters()}
        said = {"config": pl_module.config, "sizes": sizes, "pid": os.getpid()}
        file = Path(trainer.default_root_dir) / f"rank_{trainer.global_rank}.json"
        write_json(file, said)


class Stolen(pl.Callback):
    """Another attempt takes the run's folder at one step, or ends it there."""

    def __init__(self, step: int, now: str, file: str) -> None:
        self.step = step
        self.now = now
        self.file = Path(file)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Notes what the folder then holds."""
        if trainer.global_step != self.step:
            return
        folder = Path(trainer.default_root_dir)
        if self.now == "free":
            (folder / "lease").unlink()
        else:
            (folder / "lease").write_text(json.dumps({"attempt": int(self.now)}))
        self.file.write_text(json.dumps(contents(folder)))


class RaiseOnce(pl.Callback):
    """A bug that shows in the first of several runs only."""

    def __init__(self, file: str) -> None:
        self.file = Path(file)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Raises, and leaves the file."""
        if not self.file.exists():
            self.file.touch()
            raise LookupError("no tea in the first run")
