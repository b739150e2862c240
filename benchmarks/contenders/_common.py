"""What the contenders share: arguments, data, the clock, the answer."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Task:
    """What to train: the same for everybody.

    Attributes:
        model: ``mlp``: 784-400-20-400-784; ``conv``: 4x4 convolutions of 32 and 64 channels, a
            dense layer of 256, 16 latents.
        x: ``(N, 784)`` uint8 grey values.
        epochs: how many; the first is not counted.
        batch: examples in a batch.
        options: of the contender, see its file; everywhere: ``fused``, torch's fused Adam (without
            it is the one that ``torch.optim.Adam`` takes by itself); ``gpu``, data and model lie
            on the GPU; ``bf16``, autocast.
    """

    model: str
    x: np.ndarray
    epochs: int
    batch: int
    options: tuple[str, ...]


def task() -> Task:
    """The task of the command line: ``MODEL DATA.npy EXAMPLES EPOCHS BATCH [OPTION ...]``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=("mlp", "conv"))
    parser.add_argument("data", type=Path)
    parser.add_argument("examples", type=int)
    parser.add_argument("epochs", type=int)
    parser.add_argument("batch", type=int)
    parser.add_argument("options", nargs="*")
    given = parser.parse_args()
    x = np.load(given.data, mmap_mode="r")[: given.examples].reshape(given.examples, -1)
    return Task(
        given.model, np.ascontiguousarray(x), given.epochs, given.batch, tuple(given.options)
    )


class Turns:
    """Epochs on demand, for contenders that take turns: a pipe each way, in ``$TURNS``.

    The first answer, null, says that all is ready; then one line asks for an epoch, and its rate
    answers it when nothing of it is left to do. At the end of the file nobody asks any more.
    """

    def __init__(self) -> None:
        orders, answers = map(int, os.environ["TURNS"].split(","))
        self.orders, self.answers = os.fdopen(orders), os.fdopen(answers, "w")

    def next(self, rate: float | None = None) -> bool:
        """Answers, and waits for an order; False where none comes."""
        print(json.dumps(rate), file=self.answers, flush=True)
        return bool(self.orders.readline())


def rates(epoch: Callable[[], Any], given: Task) -> list[float]:
    """Examples per second of each epoch but the first; on demand where ``$TURNS`` says so."""
    steps = len(given.x) // given.batch

    def timed() -> float:
        start = time.perf_counter()
        epoch()
        return steps * given.batch / (time.perf_counter() - start)

    if "TURNS" in os.environ:
        turns = Turns()
        epoch()  # compiles, allocates
        rate = None
        while turns.next(rate):
            rate = timed()
        sys.exit(0)
    return [timed() for _ in range(given.epochs)][1:]


def answer(**found: object) -> None:
    """The last line of what is printed."""
    print(json.dumps(found))
