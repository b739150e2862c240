"""Tabulate the numbers that matter about a run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vael.metrics.catalog import Metric, describe_metric, published_scores

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Line:
    """One row of the table: a metric and its value in each column, as text."""

    metric: Metric
    values: tuple[str, ...]


def tabulate_metrics(metrics: Mapping[str, float], fit: str = "") -> tuple[list[str], list[Line]]:
    """Return the columns (splits that have any of the known metrics) and the rows of the table.

    A metric that was measured on some split has its row, with a dash where it was not; metrics of
    the validation and test splits that are not known here follow without an explanation.
    """
    known = published_scores(fit)
    names = {metric.name for metric in known}
    split_of = {key: key.split("/", 1) for key in metrics if "/" in key}
    others = {rest for split, rest in split_of.values() if split in SPLITS[1:]} - names
    present = {split for split, rest in split_of.values() if rest in names}
    columns = [split for split in SPLITS if split in present]
    return columns, [
        Line(metric, tuple(format_number(metrics.get(f"{s}/{metric.name}")) for s in columns))
        for metric in (*known, *map(describe_metric, sorted(others)))
        if any(metrics.get(f"{s}/{metric.name}") is not None for s in columns)
    ]


def format_number(value: float | None) -> str:
    """Return four significant digits or more, thousands apart; a dash for what is not there."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash as typographers mean it
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "\u2212")
    digits = 4 if abs(value) < 1 else 3 if abs(value) < 10 else 2 if abs(value) < 1000 else 0
    text = f"{value:,.{digits}f}" if abs(value) >= 1e-3 else f"{value:.2e}"
    return text.replace("-", "\u2212")
