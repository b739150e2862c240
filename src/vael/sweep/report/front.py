"""Pareto fronts of a sweep with several targets: what a better score costs."""

from collections.abc import Sequence

from vael.metrics.catalog import describe_metric
from vael.sweep.report.figure import (
    BEST,
    FAINT,
    Figure,
    hover_text,
    make_dots,
    make_figure,
    make_line,
    make_number_axis,
)
from vael.sweep.study.ranking import Goal, find_front, select_scored
from vael.sweep.study.table import TrialRow

PLANE = {"val/rate", "val/distortion"}  # has a figure of its own


def plot_fronts(goal: Goal, table: Sequence[TrialRow]) -> list[Figure]:
    """Plot the first target against each other one, with the Pareto front of the two."""
    rows = select_scored(table)
    if len(rows) < 2:
        return []
    others = [i for i in range(1, len(goal.targets)) if {*goal.targets} != PLANE]
    return [_front(goal, rows, other) for other in others]


def _front(goal: Goal, rows: Sequence[TrialRow], other: int) -> Figure:
    points = [(row.values[other], row.values[0]) for row in rows]
    front = find_front(points, (goal.directions[other], goal.directions[0]))
    on_front = {rows[i].number for i in front}

    def dots(chosen: bool) -> list[tuple[object, object, str]]:
        return [
            (*point, hover_text(goal, row))
            for row, point in zip(rows, points, strict=True)
            if (row.number in on_front) == chosen
        ]

    cost, score = goal.targets[other], goal.targets[0]
    steps = zip(*(points[i] for i in front), strict=True)
    return make_figure(
        f"What a better {score} costs",
        f"The Pareto front of {score} and {cost} has {len(front)} of {len(rows)} trials: no "
        "other is better in both.",
        [
            make_line("Pareto front", *steps, colour=BEST, shape="steps"),
            *make_dots("others", dots(False), colour=FAINT),
            *make_dots("on the front", dots(True), colour=BEST, size=11),
        ],
        make_number_axis(_title(cost), [x for x, _ in points]),
        make_number_axis(_title(score), [y for _, y in points]),
    )


def _title(target: str) -> str:
    unit = describe_metric(target).unit
    return f"{target}, {unit}" if unit else target
