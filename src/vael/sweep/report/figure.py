"""What the plots of a sweep share: layout, colours, ticks and texts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vael.metrics.catalog import Direction
from vael.sweep.study.ranking import Goal
from vael.sweep.study.table import TrialRow
from vael.sweep.text import params_text, printable, short_names, value_text

Options = Mapping[str, Any]
BEST, BAD, FAINT = "#3f90da", "#d4351c", "rgba(128,136,146,0.75)"
# Told apart by hue, not lightness: they must read on white and on near-black.
SCALE = ((0.0, "#2f8fe6"), (0.5, "#b45fb4"), (1.0, "#ea8a2a"))


@dataclass(frozen=True)
class Figure:
    """One plot of the page.

    Attributes:
        plot: ``data`` and ``layout``, in the words of ``vael/report/templates/plot.js``.
        note: what there is to know to read it.
        wide: takes the whole width, and scrolls sideways on a phone.
    """

    title: str
    note: str
    plot: dict[str, Any]
    height: int = 320
    wide: bool = False


def layout(
    x: str, y: str, height: int = 320, xaxis: Options | None = None, yaxis: Options | None = None
) -> dict[str, Any]:
    """Make the common layout with two named axes and their options."""
    return {
        "height": height,
        "xaxis": {"title": printable(x), **(xaxis or {})},
        "yaxis": {"title": printable(y), **(yaxis or {})},
    }


def hover(goal: Goal, row: TrialRow) -> str:
    """Describe a trial in a few lines."""
    values = [f"{t} {v:.4f}" for t, v in zip(goal.targets, row.values, strict=False)]
    lines = [f"trial {row.number} ({row.state})", ", ".join(values), params_text(row.params)]
    if row.reason:
        lines.append(row.reason[:120])
    return "\n".join(printable(line) for line in lines if line)


def dots(
    name: str,
    x: Sequence[object],
    y: Sequence[object],
    texts: Sequence[str],
    marker: dict[str, Any],
) -> dict[str, Any]:
    """Make a trace of points with a text each."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": printable(name),
        "x": list(x),
        "y": list(y),
        "text": list(texts),
        "size": 9,
        **marker,
    }


def window(values: Sequence[float], direction: Direction) -> tuple[float, float]:
    """Return the best value and that which nine in ten do not exceed: others share its colour."""
    ordered = sorted(values)
    if direction == "minimize":
        low, high = ordered[0], ordered[math.ceil(0.9 * (len(ordered) - 1))]
    else:
        low, high = ordered[math.floor(0.1 * (len(ordered) - 1))], ordered[-1]
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def colours(values: Sequence[float], direction: Direction, title: str) -> dict[str, Any]:
    """Colour each point of a trace by its value, blue for the best, with a bar."""
    low, high = window(values, direction)
    scale = {
        "stops": SCALE,
        "low": low,
        "high": high,
        "reversed": direction == "maximize",
        "shown": True,
        "title": printable(title),
    }
    return {"colours": list(values), "scale": scale}


def is_number(value: object) -> bool:
    """Tell whether a value has a place on an axis of numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_log(values: Sequence[float]) -> bool:
    """Tell whether values are read better on a logarithmic axis."""
    return min(values) > 0 and max(values) / min(values) >= 8


def ticks(low: float, high: float, log: bool, about: int = 4) -> list[float]:
    """Choose about so many round numbers within ``[low, high]``."""
    if not high > low:
        return [low]
    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digits in ((1, 2, 5), (1, 3), (1,)):
            found = [d * 10.0**e for e in decades for d in digits if low <= d * 10.0**e <= high]
            if len(found) <= 6:
                return found
        return found[:: math.ceil(len(found) / 6)]
    raw = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(s * unit for s in (1, 2, 5, 10) if s * unit >= raw)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float) -> str:
    """Format a tick: 0.0003 as 3e-4, and a true minus."""
    if value and abs(value) < 1e-2:
        return f"{value:.0e}".replace("e-0", "e-")
    return value_text(round(value, 10) + 0.0).replace("-", "\u2212")


def axis_of(values: Sequence[float]) -> dict[str, Any]:
    """Make an axis for values: logarithmic with round ticks where they span that much."""
    low, high = min(values), max(values)
    if not is_log(values):
        return {}
    margin = 0.06 * math.log10(high / low)
    at = ticks(low, high, log=True)
    return {
        "type": "log",
        "tickvals": at,
        "ticktext": [tick_text(t) for t in at],
        "range": [math.log10(low) - margin, math.log10(high) + margin],
    }


def names_of(table: Sequence[TrialRow]) -> dict[str, str]:
    """Map each parameter that takes more than one value to its short name."""
    names = dict.fromkeys(name for row in table for name in row.params)
    short = short_names(names)
    varied = [n for n in names if len({str(row.params.get(n)) for row in table}) > 1]
    return {name: short[name] for name in varied}
