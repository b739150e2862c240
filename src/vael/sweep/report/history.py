"""Plots over a sweep's trials: their scores in time, and what moved them."""

from collections.abc import Sequence

from vael.sweep.report.figure import BAD, BEST, FAINT, Figure, dots, hover, layout
from vael.sweep.report.importance import Importance
from vael.sweep.study.ranking import Goal, running_best, scored
from vael.sweep.study.table import TrialRow
from vael.sweep.text import printable


def history(goal: Goal, table: Sequence[TrialRow], index: int = 0) -> Figure | None:
    """Plot one target's scores by the order in which trials finished, and the best so far."""
    ended = sorted(
        (row for row in table if row.finished), key=lambda row: (row.ended or "", row.number)
    )
    at = {row.number: position for position, row in enumerate(ended, 1)}
    complete = scored(ended)
    if len(complete) < 2:
        return None
    target, direction = goal.targets[index], goal.directions[index]
    values = [row.values[index] for row in complete]
    x = [at[row.number] for row in complete]
    best = running_best(values, direction)
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "x": [*x, len(ended)],
            "y": [*best, best[-1]],
            "colour": BEST,
            "shape": "steps",
            "hover": False,
        },
        dots("complete", x, values, [hover(goal, row) for row in complete], {"colour": BEST}),
    ]
    low, high = min(values), max(values)
    ordered = sorted(values)
    middle = ordered[len(ordered) // 2]
    worst = high - middle if direction == "minimize" else middle - low
    usual = middle - low if direction == "minimize" else high - middle
    if usual > 0 and worst > 4 * usual:  # else one bad trial hides all differences
        low, high = (
            (low, middle + 4 * usual) if direction == "minimize" else (middle - 4 * usual, high)
        )
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    pruned = [row for row in ended if row.state == "pruned" and len(row.values) > index]
    if pruned:
        data.append(
            dots(
                "pruned",
                [at[row.number] for row in pruned],
                [row.values[index] for row in pruned],
                [hover(goal, row) for row in pruned],
                {"colour": FAINT, "symbol": "ring"},
            )
        )
    edge = high + margin / 2 if direction == "minimize" else low - margin / 2
    failed = [row for row in ended if row.state == "failed"]
    if failed:
        data.append(
            dots(
                "failed",
                [at[row.number] for row in failed],
                [edge] * len(failed),
                [hover(goal, row) for row in failed],
                {"colour": BAD, "symbol": "x"},
            )
        )
    beyond = sum(
        not low - margin <= value <= high + margin
        for value in [*values, *(row.values[index] for row in pruned)]
    )
    note = "One point a trial, in the order in which they finished."
    if pruned:
        note += " Of a pruned trial: the last value that it reported."
    if failed:
        note += " Failed trials have no value: they are marked at the edge."
    if beyond:
        note += f" {beyond} far off the others: double-click to see all."
    plot = {
        "data": data,
        "layout": layout(
            "finished trials",
            target,
            xaxis={"range": [0.3, len(ended) + 0.7], "whole": True},
            yaxis={"range": [low - margin, high + margin]},
        ),
    }
    return Figure(f"History of {target}", note, plot)


def importance(goal: Goal, found: Importance) -> Figure:
    """Plot the importances as bars, the largest on top."""
    ordered = sorted(found.shares.items(), key=lambda item: item[1])
    largest = max(found.shares.values())
    plot = {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": [printable(name) for name, _ in ordered],
                "x": [share for _, share in ordered],
                "colour": BEST,
                "bar": 0.6,
                "labels": [f"{share:.0%}" for _, share in ordered],
                "text": [f"{printable(name)}: {share:.1%}" for name, share in ordered],
            }
        ],
        "layout": layout(
            "share",
            "",
            xaxis={"format": "percent", "range": [0, 1.15 * largest]},
            yaxis={"type": "category"},
        ),
    }
    what = goal.targets[0] if len(goal.targets) == 1 else "the Pareto front"
    if found.epoch is not None:
        what += (
            f" after {found.epoch} epochs, which all {found.trials} reached (few are complete),"
        )
    return Figure(
        "Importance of each parameter",
        f"How much the best tenth of the trials by {what} differs from all in this parameter "
        "(PED-ANOVA), within what was tried. Rough for a parameter that few trials have.",
        plot,
    )
