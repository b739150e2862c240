"""Parallel coordinates: each trial a line through its parameters to its score."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from vael.sweep.report.figure import (
    SCALE,
    Figure,
    colours,
    hover,
    is_log,
    is_number,
    layout,
    names_of,
    tick_text,
    ticks,
    window,
)
from vael.sweep.study.ranking import Goal, ranked, scored
from vael.sweep.study.table import TrialRow
from vael.sweep.text import printable, value_text

SHADES = 24
FAN = 0.1  # how wide the lines of one word are spread, by rank, so that all can be seen
UNUSED = -0.14  # where a line passes an axis whose parameter the trial does not have
HEIGHT = 420


@dataclass(frozen=True)
class Axis:
    """A vertical axis: what is written where, and the place in [0, 1] of a value."""

    name: str
    ticks: tuple[tuple[float, str], ...]
    place: Callable[[Any], float]
    of_words: bool = False


def parallel(goal: Goal, table: Sequence[TrialRow]) -> Figure | None:
    """Plot one line for each complete trial, the best on top and blue."""
    complete = scored(table)
    names = names_of(complete)
    if len(complete) < 2 or not names:
        return None
    axes = [
        make_axis(short, [row.params.get(name) for row in complete])
        for name, short in names.items()
    ]
    axes += [
        make_axis(target, [row.values[i] for row in complete])
        for i, target in enumerate(goal.targets)
    ]
    direction = goal.directions[0]
    low, high = window([row.values[0] for row in complete], direction)
    shades: dict[int, list[TrialRow]] = {}
    for row in complete:
        share = min(1.0, max(0.0, (row.values[0] - low) / (high - low)))
        share = share if direction == "minimize" else 1 - share
        shades.setdefault(round(share * (SHADES - 1)), []).append(row)
    order = [row.number for row in ranked(table, direction)]
    fan = {number: FAN * (0.5 - i / len(order)) for i, number in enumerate(order)}
    if direction == "minimize":  # the best at the same side as on the axis of the score
        fan = {number: -shift for number, shift in fan.items()}
    data = []
    for shade in sorted(shades, reverse=True):  # what is drawn last is on top
        data.append(_lines(goal, shades[shade], names, axes, fan, shade / (SHADES - 1)))
    data.append(
        {  # only for its bar
            "type": "scatter",
            "mode": "markers",
            "x": [],
            "y": [],
            "showlegend": False,
            "hover": False,
            "text": [],
            **colours([row.values[0] for row in complete], direction, goal.targets[0]),
        }
    )
    missing = any(name not in row.params for row in complete for name in names)
    plot = {"data": data, "layout": _layout(axes, missing)}
    note = f"One line for each complete trial, coloured by {goal.targets[0]}, the best in blue."
    if missing:
        note += " A line passes below the axes whose parameter does not apply to its trial."
    return Figure("Parameters and scores together", note, plot, HEIGHT, wide=True)


def make_axis(name: str, values: Sequence[object]) -> Axis:
    """Make an axis of numbers, linear or logarithmic, or of words; None is left out."""
    present = [value for value in values if value is not None]
    numbers = [
        float(value) for value in present if isinstance(value, int | float) and is_number(value)
    ]
    if len(numbers) < len(present):
        words = sorted({value_text(value) for value in present})
        at = {word: (i + 0.5) / len(words) for i, word in enumerate(words)}
        return Axis(
            name,
            tuple((y, word) for word, y in at.items()),
            lambda value: at[value_text(value)],
            of_words=True,
        )
    log = is_log(numbers)
    low, high = min(numbers), max(numbers)

    def place(value: float) -> float:
        if not high > low:
            return 0.5
        if log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    return Axis(name, tuple((place(t), tick_text(t)) for t in ticks(low, high, log)), place)


def _lines(
    goal: Goal,
    group: Sequence[TrialRow],
    names: Mapping[str, str],
    axes: Sequence[Axis],
    fan: Mapping[int, float],
    share: float,
) -> dict[str, Any]:
    """Make lines of one colour, with a gap between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    texts: list[str] = []
    for row in group:
        cells = [*(row.params.get(name) for name in names), *row.values]
        for position, (axis, cell) in enumerate(zip(axes, cells, strict=True)):
            x.append(position)
            place = UNUSED if cell is None else axis.place(cell)
            y.append(place + (fan[row.number] if axis.of_words or cell is None else 0.0))
        x.append(None)
        y.append(None)
        texts += [hover(goal, row)] * (len(axes) + 1)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "text": texts,
        "showlegend": False,
        "opacity": 0.85 - 0.35 * share,
        "colour": mix(share),
        "width": 2.2 - share,
        "shape": "smooth",
    }


def mix(share: float) -> str:
    """Mix the colour of the scale at a share from 0, the best, to 1."""
    (at, one), (end, two) = next(pair for pair in pairwise(SCALE) if share <= pair[1][0])
    part = (share - at) / (end - at)
    channels = (
        round(int(one[i : i + 2], 16) * (1 - part) + int(two[i : i + 2], 16) * part)
        for i in (1, 3, 5)
    )
    return "rgb({},{},{})".format(*channels)


def _layout(axes: Sequence[Axis], missing: bool) -> dict[str, Any]:
    base = layout(
        "",
        "",
        HEIGHT,
        xaxis={
            "range": [-0.45, len(axes) - 0.6],
            "tickvals": list(range(len(axes))),
            "ticktext": [printable(axis.name) for axis in axes],
            "grid": False,
            "side": "top",
            "fixedrange": True,
        },
        yaxis={
            "range": [UNUSED - 0.08 if missing else -0.05, 1.06],
            "visible": False,
            "fixedrange": True,
        },
    )
    base["margin"] = {"l": 20, "r": 14, "t": 34, "b": 12}
    base["shapes"] = [{"x0": i, "x1": i, "y0": 0, "y1": 1} for i in range(len(axes))]
    base["annotations"] = [
        {
            "x": i,
            "y": y,
            "text": printable(text),
            **(
                {"xanchor": "left", "xshift": 5}
                if i == len(axes) - 1
                else {"xanchor": "right", "xshift": -5}
            ),
        }
        for i, axis in enumerate(axes)
        for y, text in axis.ticks
    ]
    return base
