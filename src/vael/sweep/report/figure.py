"""Figures of a sweep's page: traces, axes, colours, ticks and texts that its plots share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vael.metrics.catalog import Direction
from vael.sweep.study.ranking import Goal
from vael.sweep.study.table import TrialRow
from vael.sweep.text import params_text, printable, score_text, short_names, value_text

BEST, BAD, FAINT = "#3f90da", "#d4351c", "rgba(128,136,146,0.75)"
# Told apart by hue, not lightness: they must read on white and on near-black.
SCALE = ((0.0, "#2f8fe6"), (0.5, "#b45fb4"), (1.0, "#ea8a2a"))
Options = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One plot of the page.

    Attributes:
        note: what there is to know to read it.
        plot: ``data`` and ``layout``, in the words of ``vael/report/templates/plot.js``.
        wide: takes the whole width, and scrolls sideways on a phone.
    """

    title: str
    note: str
    plot: Options
    wide: bool = False


def make_figure(
    title: str, note: str, data: list[Options], x: Options, y: Options, **layout: Any
) -> Figure:
    """Make a figure of traces on two axes."""
    layout = {"height": 320, "xaxis": x, "yaxis": y, **layout}
    return Figure(title, note, {"data": data, "layout": layout})


def make_axis(title: str, **options: Any) -> Options:
    """Make an axis with a title and options."""
    return {"title": printable(title), **options}


def make_number_axis(title: str, values: Sequence[float]) -> Options:
    """Make an axis for values: logarithmic with round ticks where they span that much."""
    if not is_log(values):
        return make_axis(title)
    low, high = min(values), max(values)
    margin = 0.06 * math.log10(high / low)
    at = find_ticks(low, high, log=True)
    return make_axis(
        title,
        type="log",
        tickvals=at,
        ticktext=[tick_text(t) for t in at],
        range=[math.log10(low) - margin, math.log10(high) + margin],
    )


def make_line(name: str, x: Sequence[object], y: Sequence[object], **look: Any) -> Options:
    """Make a trace of lines without texts."""
    base = {"type": "scatter", "mode": "lines", "name": name, "hover": False}
    return {**base, "x": list(x), "y": list(y), **look}


def make_dots(
    name: str, points: Sequence[tuple[object, object, str]], **look: Any
) -> list[Options]:
    """Make a trace of points, each with its place (x, y) and its text; none without points."""
    if not points:
        return []
    x, y, text = map(list, zip(*points, strict=True))
    base = {"type": "scatter", "mode": "markers", "name": printable(name), "size": 9}
    return [{**base, "x": x, "y": y, "text": text, **look}]


def hover_text(goal: Goal, row: TrialRow) -> str:
    """Describe a trial in a few lines."""
    values = [f"{t} {score_text(v)}" for t, v in zip(goal.targets, row.values, strict=False)]
    lines = [f"trial {row.number} ({row.state})", ", ".join(values), params_text(row.params)]
    if row.reason:
        lines.append(row.reason[:120])
    return "\n".join(printable(line) for line in lines if line)


def find_window(values: Sequence[float], direction: Direction) -> tuple[float, float]:
    """Return the ends of the colours: the best value, and that which nine in ten do not exceed."""
    ordered = sorted(values)
    if direction == "minimize":
        low, high = ordered[0], ordered[math.ceil(0.9 * (len(ordered) - 1))]
    else:
        low, high = ordered[math.floor(0.1 * (len(ordered) - 1))], ordered[-1]
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def make_colour_scale(values: Sequence[float], direction: Direction, title: str) -> Options:
    """Make the scale that colours points by their values, blue for the best, with a bar."""
    low, high = find_window(values, direction)
    reverse = direction == "maximize"
    base = {"stops": SCALE, "shown": True, "title": printable(title)}
    return {**base, "low": low, "high": high, "reversed": reverse}


def is_log(values: Sequence[float]) -> bool:
    """Tell whether values are read better on a logarithmic axis."""
    return min(values) > 0 and max(values) / min(values) >= 8


def find_ticks(low: float, high: float, log: bool, about: int = 4) -> list[float]:
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


def find_varied(table: Sequence[TrialRow]) -> dict[str, str]:
    """Map each parameter that takes more than one value to its short name."""
    names = dict.fromkeys(name for row in table for name in row.params)
    short = short_names(names)
    varied = [n for n in names if len({str(row.params.get(n)) for row in table}) > 1]
    return {name: short[name] for name in varied}
