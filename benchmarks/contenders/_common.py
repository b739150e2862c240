"""What the contenders share: arguments, data, the clock, the answer."""

import argparse
import json
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
        options: of the contender, see its file; ``fused`` everywhere: torch's fused Adam, where
            without it is the one that ``torch.optim.Adam`` takes by itself.
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


def rates(epoch: Callable[[], Any], given: Task) -> list[float]:
    """Examples per second of each epoch but the first."""
    found = []
    for _ in range(given.epochs):
        start = time.perf_counter()
        epoch()
        steps = len(given.x) // given.batch
        found.append(steps * given.batch / (time.perf_counter() - start))
    return found[1:]


def answer(**found: object) -> None:
    """The last line of what is printed."""
    print(json.dumps(found))
