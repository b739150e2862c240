"""Two runs compared to the bit: weights, optimiser, schedule, metrics.csv, summary.json."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

SAVED = ("state_dict", "optimizer_states", "lr_schedulers", "global_step", "epoch")


def read(folder: Path, name: str = "summary.json") -> Any:
    return json.loads((folder / name).read_text())


def weights(folder: Path, name: str = "last") -> Any:
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def assert_same(a: Any, b: Any) -> None:
    """Two nested containers of tensors are equal to the bit."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for name in a:
            assert_same(a[name], b[name])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for left, right in zip(a, b, strict=True):
            assert_same(left, right)
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    else:
        assert a == b


def rows(folder: Path) -> Iterator[dict[str, str]]:
    """Of metrics.csv, without what a clock has measured."""
    with (folder / "metrics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            yield {k: v for k, v in row.items() if k != "train/examples_per_second"}


def metrics(folder: Path) -> dict[str, float]:
    """Of summary.json, without what a clock has measured."""
    found: dict[str, float] = read(folder)["metrics"]
    del found["train/examples_per_second"]
    return found


def early_stopping(folder: Path) -> dict[str, Any]:
    states = weights(folder)["callbacks"]
    return {name: state for name, state in states.items() if name.startswith("EarlyStopping")}


def assert_as_if_never_stopped(whole: Path, continued: Path) -> None:
    """A continued run has ended where an uninterrupted one has."""
    assert read(continued)["status"] == "finished"
    assert len(early_stopping(whole)) == 1
    assert_same(early_stopping(whole), early_stopping(continued))
    for name in ("last", "best"):
        for part in SAVED:
            assert_same(weights(whole, name)[part], weights(continued, name)[part])
    assert list(rows(whole)) == list(rows(continued))
    assert metrics(whole) == metrics(continued)
