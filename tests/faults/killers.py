"""Callbacks that kill their own process, each once, at a place of the run or of a file."""

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from helpers.callbacks import KillOnce

WRITES = (
    "checkpoints/last.ckpt",
    "checkpoints/best.ckpt",
    "metrics.csv",
    "summary.json",
    "report.html",
    "images/samples.png",
)


class KillInWrite(pl.Callback):
    """Dies while a file is written for the n-th time, or between write and rename.

    Args:
        mark: a file that says that it has happened.
        file: below the run's folder.
        count: which of its writes, from 1.
        whole: between write and rename; else when half of it is written.
        number: of the signal.
    """

    def __init__(
        self, mark: str, file: str, count: int = 1, whole: bool = False, number: str = "SIGKILL"
    ) -> None:
        self.mark, self.file, self.left, self.whole = Path(mark), file, count, whole
        self.number = signal.Signals[number]

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Comes between every file and the disk."""
        if self.mark.exists() or not trainer.is_global_zero:
            return
        target = Path(trainer.default_root_dir).resolve() / self.file
        fsync = os.fsync

        def deadly(descriptor: int) -> None:
            here = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
            if here.parent == target.parent and here.name.startswith(f".{target.name}."):
                self.left -= 1
                if self.left == 0:
                    self.mark.touch()
                    if not self.whole:
                        os.truncate(here, here.stat().st_size // 2)
                    os.kill(os.getpid(), self.number)
            fsync(descriptor)

        os.fsync = deadly


def draw(generator: random.Random, folder: Path, ranks: int = 1) -> list[tuple[str, str]]:
    """Two random deaths of a run of 3 epochs with 5 steps each: what, and its YAML."""
    found = []
    for number in range(2):
        mark = folder / f"killed_{number}"
        if generator.random() < 0.6:
            where = generator.choice(("batch", "batch", "validation", "epoch", "test"))
            step = {
                "batch": generator.randrange(15),
                "validation": generator.choice((5, 10, 15)),
                "epoch": generator.choice((0, 5, 10)),
                "test": 15,
            }[where]
            said = {
                "number": "SIGKILL",
                "where": where,
                "step": step,
                "rank": generator.randrange(ranks),
            }
            kind = KillOnce
        else:
            said = {
                "file": generator.choice(WRITES),
                "count": generator.randrange(1, 4),
                "whole": generator.choice(("true", "false")),
            }
            kind = KillInWrite
        listed = ", ".join(f"{key}: {value}" for key, value in said.items())
        file = "file" if kind is KillOnce else "mark"
        found.append(
            (listed, f"{{_target_: {kind.__module__}.{kind.__name__}, {file}: {mark}, {listed}}}")
        )
    return found


def overrides(deaths: list[tuple[str, Any]]) -> list[str]:
    """What makes a run die so."""
    return [f"+callbacks.extra.death{n}={node}" for n, (_, node) in enumerate(deaths)]
