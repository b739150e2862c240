"""Read and write metrics.csv: columns ``step``, ``epoch`` and metrics, with empty cells.

A row is one optimiser step. The file is written whole, also where a run goes on.
"""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vael.errors import ConfigError

STEP, EPOCH = "step", "epoch"


def format_rows(rows: Mapping[int, Mapping[str, float]]) -> str:
    """Format metrics by optimiser step as the content of a file."""
    names = sorted({name for row in rows.values() for name in row} - {EPOCH})
    text = io.StringIO()
    writer = csv.DictWriter(text, [STEP, EPOCH, *names], lineterminator="\n")
    writer.writeheader()
    for step, row in sorted(rows.items()):
        epoch = {EPOCH: int(row[EPOCH])} if EPOCH in row else {}
        writer.writerow({STEP: step, **row, **epoch})
    return text.getvalue()


def read_cells(path: Path) -> list[dict[str, str]]:
    """Read the rows as text; no file is no rows.

    Raises:
        ConfigError: the file is not as vael wrote it, which writes it whole or not at all.
    """
    if not path.exists():
        return []
    try:
        text = path.read_bytes().decode()
        if text and not text.endswith("\n"):
            raise ValueError("its last line has no end")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        for row in rows:
            if None in row or None in row.values():
                raise ValueError("its rows differ in length")
            _convert(row)
    except (OSError, ValueError, KeyError, csv.Error) as error:
        reason = " ".join(str(error).split())[:100]
        raise ConfigError(
            f"{path} is damaged ({reason}), and a run that goes on adds to it. Put it back, or "
            "delete it to go on without what was logged so far."
        ) from error
    return rows


def read_rows(path: Path) -> dict[int, dict[str, float]]:
    """Read what was logged, by optimiser step; empty cells are left out, no file is no rows.

    Raises:
        ConfigError: the file is damaged.
    """
    return dict(map(_convert, read_cells(path)))


def _convert(row: Mapping[str, str]) -> tuple[int, dict[str, float]]:
    values = {name: float(cell) for name, cell in row.items() if cell and name != STEP}
    return int(row[STEP]), values


class NewRows:
    """Read each epoch's scores once, in order, also where the file is rewritten meanwhile.

    Args:
        path: of metrics.csv.
        target: the score to look for.
    """

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self.target = target
        self._seen: set[int] = set()
        self._stamp: tuple[int, int] | None = None

    def read(self) -> list[tuple[int, dict[str, float]]]:
        """Read the new ``(epoch, {metric: value})``; none where nothing was written."""
        try:
            stat = self.path.stat()
            stamp = stat.st_mtime_ns, stat.st_ino
            if stamp == self._stamp:
                return []
            text = self.path.read_text()
        except FileNotFoundError:
            return []
        self._stamp = stamp
        found = []
        for row in csv.DictReader(io.StringIO(text)):
            if row.get(self.target):
                epoch = int(row[EPOCH])
                if epoch not in self._seen:
                    self._seen.add(epoch)
                    found.append((epoch, {k: float(v) for k, v in row.items() if v}))
        return sorted(found, key=lambda item: item[0])


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
    axis: str = EPOCH


def read_history(path: Path) -> History:
    """Read every series.

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
        step, epoch = _number(row.get(STEP)), _number(row.get(EPOCH))
        at = position if step is None or not math.isfinite(step) else int(step)
        for name, cell in row.items():
            value = _number(cell) if name not in (STEP, EPOCH, None) else None
            if value is not None:
                found.setdefault(name, {})[at] = (math.nan if epoch is None else epoch, value)
    points = [(step, epoch) for one in found.values() for step, (epoch, _) in one.items()]
    if not all(math.isfinite(epoch) for _, epoch in points):
        return History({k: _series(v, None) for k, v in found.items()}, axis=STEP)
    per_epoch = max((step / (epoch + 1) for step, epoch in points), default=1.0)
    return History({name: _series(values, per_epoch or 1.0) for name, values in found.items()})


def _series(values: Mapping[int, tuple[float, float]], per_epoch: float | None) -> Series:
    """Order values by step; one value an epoch is placed at the end of that epoch."""
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
    """Return the number in a cell of text, or None."""
    try:
        return float(cell) if isinstance(cell, str) else None
    except ValueError:
        return None
