"""What a run has logged, read back from ``metrics.csv``, and how it is laid out in panels."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vael.metrics.catalog import METRICS

TRAIN, VAL = "#3f90da", "#e76300"
# Ten colours that people with any colour vision can tell apart (Petroff 2021, arXiv:2107.02270),
# its darkest two made lighter for dark pages.
PALETTE = (
    "#3f90da",
    "#ffa90e",
    "#d4351c",
    "#94a4a2",
    "#9b51d0",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)


@dataclass(frozen=True)
class Series:
    """One logged quantity over time.

    Attributes:
        x: position on the time axis: epochs done, or optimiser steps where no epoch is known.
        step: optimiser step of each value.
        value: the values; not finite where the run logged NaN or infinity.
    """

    x: list[float]
    step: list[int]
    value: list[float]


@dataclass(frozen=True)
class History:
    """All series of a run by name (``train/loss``), over ``epoch`` or, without it, ``step``."""

    series: Mapping[str, Series]
    axis: str = "epoch"


@dataclass(frozen=True)
class Panel:
    """One plot: a title, the unit of its vertical axis, and the series that it shows."""

    title: str
    unit: str
    names: tuple[str, ...]

    @property
    def colours(self) -> list[str]:
        """One for each series: by split where splits are compared, else all different."""
        if len(self.names) > 1 and len({name.split("/")[0] for name in self.names}) == 1:
            return list(PALETTE[: len(self.names)])
        return [VAL if name.startswith("val/") else TRAIN for name in self.names]


def read_history(path: Path) -> History:
    """The history in a CSV file with the columns ``step,epoch,NAME,...`` and empty cells.

    Nothing in a log is an error: a missing file is an empty history, a half-written last line or a
    cell that is no number is skipped, and of two values for one step - a run that was
    continued - the later counts.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = list(csv.DictReader(line.replace("\0", "") for line in file))
    except (OSError, csv.Error):
        return History({})
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for position, row in enumerate(rows):
        step = _number(row.get("step"))
        epoch = _number(row.get("epoch"))
        at = position if step is None or not math.isfinite(step) else int(step)
        for name, cell in row.items():
            value = _number(cell) if name not in ("step", "epoch", None) else None
            if value is not None:
                found.setdefault(name, {})[at] = (math.nan if epoch is None else epoch, value)
    points = [(step, epoch) for one in found.values() for step, (epoch, _) in one.items()]
    if not all(math.isfinite(epoch) for _, epoch in points):
        return History({k: _series(v, None) for k, v in found.items()}, axis="step")
    per_epoch = max((step / (epoch + 1) for step, epoch in points), default=1.0)
    return History({name: _series(values, per_epoch or 1.0) for name, values in found.items()})


def _series(values: Mapping[int, tuple[float, float]], per_epoch: float | None) -> Series:
    """Values by step in their order; one value an epoch is placed at the end of that epoch."""
    ordered = sorted(values.items())
    steps = [step for step, _ in ordered]
    epochs = [epoch for _, (epoch, _) in ordered]
    if per_epoch is None:
        x = [float(step) for step in steps]
    elif len(set(epochs)) == len(epochs):
        x = [epoch + 1 for epoch in epochs]
    else:
        x = [step / per_epoch for step in steps]
    return Series(x, steps, [value for _, (_, value) in ordered])


def _number(cell: object) -> float | None:
    """The number in a cell of text, or None."""
    try:
        return float(cell) if isinstance(cell, str) else None
    except ValueError:
        return None


def panels(history: History) -> list[Panel]:
    """The plots that this history has values for, most important first."""
    names = list(history.series)
    rates = tuple(n for n in names if n.split("/")[-1].lower().startswith(("lr", "learning_rate")))
    wanted = [
        _compare_splits("bpd"),
        _compare_splits("elbo"),
        Panel(
            "Training loss and its terms",
            METRICS["loss"].unit,
            ("train/loss", "train/distortion", "train/rate"),
        ),
        _compare_splits("distortion"),
        _compare_splits("rate"),
        Panel("Weight of the rate", "beta", ("train/beta",)),
        Panel("Learning rate", "learning rate", rates),
    ]
    present = [
        Panel(p.title, p.unit, tuple(n for n in p.names if n in history.series)) for p in wanted
    ]
    return [panel for panel in present if panel.names]


def _compare_splits(name: str) -> Panel:
    metric = METRICS[name]
    return Panel(metric.title, metric.unit, (f"train/{name}", f"val/{name}"))
