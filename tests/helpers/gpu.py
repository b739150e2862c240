"""What the tests on a GPU share: the card, runs captured and eager, parts that misbehave."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from helpers.identical import SAVED, assert_same, read, rows, weights
from helpers.runs import ROOT, trained_run

CARD = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch sees"),
]
"""``pytestmark`` of every file of tests/gpu."""

PLAIN = ("trainer.log_every_n_steps=4", "report=false", "evaluation.test=false")


def captured(parent: Path, *overrides: str) -> Path:
    """A small run whose steps were replayed from a CUDA graph."""
    folder = trained_run(parent / "captured", *PLAIN, "trainer.capture=true", *overrides)
    assert read(folder)["accelerator"] == "gpu"
    assert read(folder)["step"] == "captured", (folder / "train.log").read_text()
    return folder


def eager(parent: Path, *overrides: str) -> Path:
    """The same run, its steps called one operator after another."""
    folder = trained_run(parent / "eager", *PLAIN, "trainer.capture=false", *overrides)
    assert read(folder)["accelerator"] == "gpu"
    assert read(folder)["step"] != "captured"
    return folder


def assert_same_run(a: Path, b: Path) -> None:
    """Weights, optimiser, schedule and metrics.csv are equal to the bit."""
    for name in ("last", "best"):
        for part in SAVED:
            assert_same(weights(a, name)[part], weights(b, name)[part])
    assert list(rows(a)) == list(rows(b))


def vael(*arguments: str, cwd: Path = ROOT, **env: str) -> "subprocess.CompletedProcess[str]":
    """``vael ARGUMENTS`` in a new Python: a fork could not use a GPU that we have used."""
    places = [str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-m", "vael.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


class PerBatch(pl.Callback):
    """A user's callback that wants to hear of each batch: notes the steps."""

    def __init__(self, file: str) -> None:
        self.file = Path(file)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """One line a step."""
        with self.file.open("a") as file:
            print(trainer.global_step, file=file)


class StopLater(pl.Callback):
    """Sends SIGTERM to its own process some time after the start of an epoch, once.

    It hears of no batch, so that the steps stay captured; where the signal finds the run is left
    to the clock.
    """

    def __init__(self, epoch: int, seconds: float, mark: str) -> None:
        self.epoch, self.seconds, self.mark = epoch, seconds, Path(mark)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Sets the clock."""
        if trainer.current_epoch == self.epoch and not self.mark.exists():
            threading.Timer(self.seconds, self._send).start()

    def _send(self) -> None:
        self.mark.touch()
        os.kill(os.getpid(), signal.SIGTERM)


class Tight(pl.Callback):
    """Leaves this process little memory of the GPU.

    Args:
        mib: what it may take.
    """

    def __init__(self, mib: int) -> None:
        self.mib = mib

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As a fraction of the whole."""
        if torch.cuda.is_available():
            whole = torch.cuda.get_device_properties(0).total_memory
            torch.cuda.set_per_process_memory_fraction(self.mib * 2**20 / whole)


def extra(name: str, **options: Any) -> str:
    """The override that adds one of these callbacks."""
    listed = ", ".join(f"{key}: {value}" for key, value in options.items())
    target = f"_target_: helpers.gpu.{name}"
    return f"+callbacks.extra.{name.lower()}={{{target}{', ' if listed else ''}{listed}}}"
