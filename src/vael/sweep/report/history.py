"""Plots over a sweep's trials: their scores in time, and the importance of parameters."""

from collections.abc import Sequence

from vael.metrics.catalog import Direction
from vael.sweep.report.figure import (
    BAD,
    BEST,
    FAINT,
    Figure,
    hover_text,
    make_axis,
    make_dots,
    make_figure,
    make_line,
)
from vael.sweep.report.importance import Importance
from vael.sweep.study.ranking import Goal, running_best, select_scored
from vael.sweep.study.table import TrialRow
from vael.sweep.text import printable
from vael.text import count_text


def find_score_range(values: Sequence[float], direction: Direction) -> tuple[float, float, float]:
    """Return the ends of an axis of scores and the margin around: one bad trial hides no others.

    Those that are four times as far from the best as the middle one are left out.
    """
    low, high = min(values), max(values)
    middle = sorted(values)[len(values) // 2]
    if direction == "minimize" and 0 < 4 * (middle - low) < high - middle:
        high = middle + 4 * (middle - low)
    elif direction == "maximize" and 0 < 4 * (high - middle) < middle - low:
        low = middle - 4 * (high - middle)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    return low, high, margin


def plot_search(goal: Goal, table: Sequence[TrialRow], index: int = 0) -> Figure | None:
    """Plot one target's scores by the order in which trials finished, and the best so far."""
    ended = sorted(
        (row for row in table if row.finished), key=lambda row: (row.ended or "", row.number)
    )
    complete = select_scored(ended)
    if len(complete) < 2:
        return None
    target, direction = goal.targets[index], goal.directions[index]
    values = [row.values[index] for row in complete]
    low, high, margin = find_score_range(values, direction)
    edge = high + margin / 2 if direction == "minimize" else low - margin / 2
    pruned = [row for row in ended if row.state == "pruned" and len(row.values) > index]
    failed = [row for row in ended if row.state == "failed"]
    at = {row.number: position for position, row in enumerate(ended, 1)}

    def points(rows: Sequence[TrialRow]) -> list[tuple[object, object, str]]:
        y = [edge if row.state == "failed" else row.values[index] for row in rows]
        return [
            (at[r.number], value, hover_text(goal, r)) for r, value in zip(rows, y, strict=True)
        ]

    best = running_best(values, direction)
    x = [*(at[row.number] for row in complete), len(ended)]
    data = [
        make_line("best so far", x, [*best, best[-1]], colour=BEST, shape="steps"),
        *make_dots("complete", points(complete), colour=BEST),
        *make_dots("pruned", points(pruned), colour=FAINT, symbol="ring"),
        *make_dots("failed", points(failed), colour=BAD, symbol="x"),
    ]
    shown = [*values, *(row.values[index] for row in pruned)]
    beyond = sum(not low - margin <= value <= high + margin for value in shown)
    note = "One point a trial, in the order in which they finished."
    if pruned:
        note += " Of a pruned trial: the last value that it reported."
    if failed:
        note += " Failed trials have no value: they are marked at the edge."
    if beyond:
        note += f" {beyond} far off the others: double-click to see all."
    return make_figure(
        f"History of {target}",
        note,
        data,
        make_axis("finished trials", range=[0.3, len(ended) + 0.7], whole=True),
        make_axis(target, range=[low - margin, high + margin]),
    )


def plot_importance(goal: Goal, found: Importance) -> Figure:
    """Plot the importances as bars, the largest on top."""
    ordered = sorted(found.shares.items(), key=lambda item: item[1])
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [printable(name) for name, _ in ordered],
        "x": [share for _, share in ordered],
        "colour": BEST,
        "bar": 0.6,
        "labels": [f"{share:.0%}" for _, share in ordered],
        "text": [f"{printable(name)}: {share:.1%}" for name, share in ordered],
    }
    what = goal.targets[0] if len(goal.targets) == 1 else "the Pareto front"
    if found.epoch is not None:
        epochs = count_text(found.epoch, "epoch")
        what += f" after {epochs}, which all {found.trials} reached (few are complete),"
    return make_figure(
        "Importance of each parameter",
        f"How much the best tenth of the trials by {what} differs from all in this parameter "
        "(PED-ANOVA), within what was tried. Rough for a parameter that few trials have.",
        [bars],
        make_axis("share", format="percent", range=[0, 1.15 * max(found.shares.values())]),
        make_axis("", type="category"),
    )
