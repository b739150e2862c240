"""Parallel coordinates: each trial a line through its parameters to its score."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from vael.runs.summary import finite_number
from vael.sweep.report.figure import (
    SCALE,
    Figure,
    Options,
    find_ticks,
    find_varied,
    find_window,
    hover_text,
    is_log,
    make_axis,
    make_colour_scale,
    make_figure,
    tick_text,
)
from vael.sweep.study.ranking import Goal, rank_trials, select_scored
from vael.sweep.study.table import TrialRow
from vael.sweep.text import printable, value_text

SHADES = 24
FAN = 0.1  # how wide the lines of one word are spread, by rank, so that all can be seen
UNUSED = -0.14  # where a line passes an axis whose parameter the trial does not have


@dataclass(frozen=True)
class Axis:
    """A vertical axis: what is written where, and the place in [0, 1] of a value."""

    name: str
    ticks: tuple[tuple[float, str], ...]
    place: Callable[[Any], float]
    of_words: bool = False


def plot_parallel(goal: Goal, table: Sequence[TrialRow]) -> Figure | None:
    """Plot one line for each complete trial, the best on top and blue."""
    complete = select_scored(table)
    names = find_varied(complete)
    if len(complete) < 2 or not names:
        return None
    columns = {short: [row.choice(name) for row in complete] for name, short in names.items()}
    targets = {
        target: [row.values[i] for row in complete] for i, target in enumerate(goal.targets)
    }
    axes = [make_vertical_axis(name, v) for part in (columns, targets) for name, v in part.items()]
    direction, values = goal.directions[0], [row.values[0] for row in complete]
    low, high = find_window(values, direction)
    shades: dict[int, list[TrialRow]] = {}
    for row in complete:
        share = min(1.0, max(0.0, (row.values[0] - low) / (high - low)))
        share = share if direction == "minimize" else 1 - share
        shades.setdefault(round(share * (SHADES - 1)), []).append(row)
    order = [row.number for row in rank_trials(table, direction)]
    # the best at the same side as on the axis of the score
    side = -FAN if direction == "minimize" else FAN
    fan = {number: side * (0.5 - i / len(order)) for i, number in enumerate(order)}
    data = []
    for shade in sorted(shades, reverse=True):  # what is drawn last is on top
        data.append(_lines(goal, shades[shade], names, axes, fan, shade / (SHADES - 1)))
    bar = {"type": "scatter", "mode": "markers", "x": [], "y": [], "text": [], "hover": False}
    scale = make_colour_scale(values, direction, goal.targets[0])
    data.append({**bar, "showlegend": False, "colours": values, "scale": scale})
    missing = any(name not in row.params for row in complete for name in names)
    note = f"One line for each complete trial, coloured by {goal.targets[0]}, the best in blue."
    if missing:
        note += " A line passes below the axes whose parameter does not apply to its trial."
    return replace(
        make_figure(
            "Parameters and scores together",
            note,
            data,
            make_axis(
                "",
                range=[-0.45, len(axes) - 0.6],
                tickvals=list(range(len(axes))),
                ticktext=[printable(axis.name) for axis in axes],
                grid=False,
                side="top",
                fixedrange=True,
            ),
            make_axis(
                "",
                range=[UNUSED - 0.08 if missing else -0.05, 1.06],
                visible=False,
                fixedrange=True,
            ),
            height=420,
            margin={"l": 20, "r": 14, "t": 34, "b": 12},
            shapes=[{"x0": i, "x1": i, "y0": 0, "y1": 1} for i in range(len(axes))],
            annotations=_annotations(axes),
        ),
        wide=True,
    )


def make_vertical_axis(name: str, values: Sequence[object]) -> Axis:
    """Make an axis of numbers, linear or logarithmic, or of words; None is left out."""
    present = [value for value in values if value is not None]
    numbers = [n for n in map(finite_number, present) if n is not None]
    if len(numbers) < len(present):
        words = sorted({value_text(value) for value in present})
        at = {word: (i + 0.5) / len(words) for i, word in enumerate(words)}
        texts = tuple((y, word) for word, y in at.items())
        return Axis(name, texts, lambda value: at[value_text(value)], of_words=True)
    log = is_log(numbers)
    low, high = min(numbers), max(numbers)

    def place(value: float) -> float:
        if not high > low:
            return 0.5
        if log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    return Axis(name, tuple((place(t), tick_text(t)) for t in find_ticks(low, high, log)), place)


def _lines(
    goal: Goal,
    group: Sequence[TrialRow],
    names: Mapping[str, str],
    axes: Sequence[Axis],
    fan: Mapping[int, float],
    share: float,
) -> Options:
    """Make lines of one colour, with a gap between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    texts: list[str] = []
    for row in group:
        for axis, cell in zip(axes, [*map(row.choice, names), *row.values], strict=True):
            place = UNUSED if cell is None else axis.place(cell)
            y.append(place + (fan[row.number] if axis.of_words or cell is None else 0.0))
        x += [*range(len(axes)), None]
        y.append(None)
        texts += [hover_text(goal, row)] * (len(axes) + 1)
    look = {"opacity": 0.85 - 0.35 * share, "colour": mix_colour(share), "width": 2.2 - share}
    base = {"type": "scatter", "mode": "lines", "shape": "smooth", "showlegend": False}
    return {**base, "x": x, "y": y, "text": texts, **look}


def _annotations(axes: Sequence[Axis]) -> list[Options]:
    """Write the ticks at the left of each axis, at the right of the last."""
    left, right = {"xanchor": "right", "xshift": -5}, {"xanchor": "left", "xshift": 5}
    return [
        {"x": i, "y": y, "text": printable(text), **(right if axis is axes[-1] else left)}
        for i, axis in enumerate(axes)
        for y, text in axis.ticks
    ]


def mix_colour(share: float) -> str:
    """Mix the colour of the scale at a share from 0, the best, to 1."""
    (at, one), (end, two) = next(pair for pair in pairwise(SCALE) if share <= pair[1][0])
    part = (share - at) / (end - at)
    channels = (
        round(int(one[i : i + 2], 16) * (1 - part) + int(two[i : i + 2], 16) * part)
        for i in (1, 3, 5)
    )
    return "rgb({},{},{})".format(*channels)
