"""Slices of a sweep: the score over each parameter, and active units over latent size."""

from collections.abc import Sequence

from vael.runs.summary import finite_number
from vael.sweep.report.contents import SweepContents
from vael.sweep.report.figure import (
    BEST,
    FAINT,
    Figure,
    Options,
    find_varied,
    hover_text,
    make_axis,
    make_colour_scale,
    make_dots,
    make_figure,
    make_line,
    make_number_axis,
)
from vael.sweep.report.history import find_score_range
from vael.sweep.report.importance import Importance
from vael.sweep.study.ranking import Goal, rank_trials, select_scored
from vael.sweep.study.table import TrialRow
from vael.sweep.text import printable, value_text

MOST = 8  # parameters
LATENT, ACTIVE = "model.latent_dim", "val/active_units"
ROW, MARGINS = 40, 90  # of a figure of words, in pixels


def plot_slices(sweep: SweepContents) -> list[Figure]:
    """Plot the first target over each parameter that varies, the most important first."""
    complete = select_scored(sweep.table)
    if len(complete) < 2:
        return []
    names = find_varied(complete)
    if isinstance(sweep.importances, Importance):
        shares = sweep.importances.shares
        names = dict(sorted(names.items(), key=lambda item: -shares.get(item[0], 0.0)))
    return [_slice(sweep.goal, complete, name, short) for name, short in [*names.items()][:MOST]]


def _slice(goal: Goal, complete: Sequence[TrialRow], name: str, short: str) -> Figure:
    rows = [row for row in complete if name in row.params]
    values = [row.params[name] for row in rows]
    numbers = [finite_number(value) for value in values]
    best = rank_trials(rows, goal.directions[0])[:1]
    target, scores = goal.targets[0], [row.values[0] for row in rows]
    note = "Each complete trial" if len(rows) == len(complete) else "Each complete trial with it"
    if None not in numbers:
        low, high, margin = find_score_range(scores, goal.directions[0])
        data = [
            *make_dots("", [(row.params[name], *_shown(goal, row)) for row in rows], colour=BEST),
            *make_dots("", [(row.params[name], *_shown(goal, row)) for row in best], **_RING),
        ]
        beyond = sum(not low <= score <= high for score in scores)
        more = f" {beyond} far off the others: double-click to see all." if beyond else ""
        return make_figure(
            f"{target} over {short}",
            f"{_note(note)}{more}",
            data,
            make_number_axis(short, [n for n in numbers if n is not None]),
            make_axis(target, range=[low - margin, high + margin]),
        )
    words = sorted({value_text(value) for value in values}, reverse=True)

    def points(group: Sequence[TrialRow]) -> list[tuple[object, object, str]]:
        return [
            (row.values[0], printable(value_text(row.params[name])), hover_text(goal, row))
            for row in sorted(group, key=lambda row: value_text(row.params[name]), reverse=True)
        ]

    return make_figure(
        f"{target} over {short}",
        _note(note),
        [*make_dots("", points(rows), colour=BEST), *make_dots("", points(best), **_RING)],
        make_axis(target),
        make_axis("", type="category"),
        height=MARGINS + ROW * len(words),
    )


_RING: Options = {"colour": FAINT, "symbol": "ring", "size": 17}


def _note(what: str) -> str:
    return f"{what}; the best has a ring."


def _shown(goal: Goal, row: TrialRow) -> tuple[float, str]:
    return row.values[0], hover_text(goal, row)


def plot_activity(sweep: SweepContents) -> list[Figure]:
    """Plot active units over latent size: above some size, more dimensions are not used."""
    rows = [
        row
        for row in select_scored(sweep.table)
        if ACTIVE in row.metrics and finite_number(row.params.get(LATENT)) is not None
    ]
    sizes = [row.params[LATENT] for row in rows]
    if len(set(sizes)) < 2:
        return []
    goal = sweep.goal
    values = [row.values[0] for row in rows]
    points: list[tuple[object, object, str]] = [
        (row.params[LATENT], row.metrics[ACTIVE], f"{hover_text(goal, row)}\n{_active(row)}")
        for row in rows
    ]
    scale = make_colour_scale(values, goal.directions[0], goal.targets[0])
    ends = [min(sizes), max(sizes)]
    return [
        make_figure(
            "Active units and latent size",
            "How many dimensions carry something (the variance of their mean is above 0.01); on "
            f"the line all do. Coloured by {goal.targets[0]}, blue is best.",
            [
                make_line("all active", ends, ends, colour=FAINT, width=1.5, dash="4 4"),
                *make_dots("trials", points, colours=values, scale=scale, size=11),
            ],
            make_number_axis("latent dimensions", sizes),
            make_number_axis("active units", [1.0, *(row.metrics[ACTIVE] for row in rows)]),
        )
    ]


def _active(row: TrialRow) -> str:
    return f"{row.metrics[ACTIVE]:g} of {row.params[LATENT]} dimensions are active"
