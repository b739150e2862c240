"""Maps of a sweep: beta against latent size, and distortion against rate."""

from collections.abc import Mapping, Sequence
from typing import Any

from vael.report.panels import PALETTE
from vael.sweep.report.contents import SweepContents, TrialConfig
from vael.sweep.report.figure import (
    BAD,
    FAINT,
    Figure,
    axis_of,
    colours,
    dots,
    hover,
    is_number,
    layout,
    tick_text,
    ticks,
)
from vael.sweep.study.ranking import Goal, front, scored
from vael.sweep.study.table import TrialRow

X, Y = "model.latent_dim", "objective.beta"


def maps(sweep: SweepContents) -> list[Figure]:
    """Plot beta against latent size for each likelihood, with the same axes and colours."""
    shown = [
        row
        for row in sweep.table
        if row.finished and is_number(row.params.get(X)) and is_number(row.params.get(Y))
    ]
    complete = scored(shown)
    if len(complete) < 2 or any(len({r.params[n] for r in complete}) < 2 for n in (X, Y)):
        return []
    goal = sweep.goal
    marker = colours([row.values[0] for row in complete], goal.directions[0], goal.targets[0])
    plain = layout(
        "latent dimensions",
        "beta",
        xaxis=axis_of([row.params[X] for row in shown]),
        yaxis=axis_of([row.params[Y] for row in shown]),
    )
    families = sorted({sweep.trained[row.number].family for row in shown})
    return [
        Figure(
            f"Beta and latent size: {family}",
            f"Coloured by {goal.targets[0]}, blue is best; the same scale for all likelihoods.",
            {
                "data": _map(
                    goal, [r for r in shown if sweep.trained[r.number].family == family], marker
                ),
                "layout": plain,
            },
        )
        for family in families
    ]


def _map(goal: Goal, rows: Sequence[TrialRow], marker: Mapping[str, Any]) -> list[dict[str, Any]]:
    data = []
    # what did not complete lies below
    for state, look in (
        ("failed", {"colour": BAD, "symbol": "x", "size": 8}),
        ("pruned", {"colour": FAINT, "symbol": "ring", "size": 8}),
        ("complete", {**marker, "size": 11}),
    ):
        group = scored(rows) if state == "complete" else [r for r in rows if r.state == state]
        look = {**look, "colours": [r.values[0] for r in group]} if state == "complete" else look
        if group:
            data.append(
                dots(
                    state,
                    [r.params[X] for r in group],
                    [r.params[Y] for r in group],
                    [hover(goal, row) for row in group],
                    look,
                )
            )
    return data


def planes(sweep: SweepContents) -> list[Figure]:
    """Plot distortion against rate with the Pareto front, for each group that can be compared.

    What is trained on mass is comparable whatever the likelihood; densities only within one.
    """
    groups = {name: rows for name, rows in _groups(sweep).items() if len(rows) > 1}
    ordered = sorted(groups, key=lambda name: (-len(groups[name]), name))
    return [_plane(sweep, name, groups[name]) for name in ordered]


def alone(sweep: SweepContents) -> str | None:
    """Name the trials on no plane, because no other can be compared with them."""
    found = [
        f"trial {rows[0].number} ({name})"
        for name, rows in sorted(_groups(sweep).items())
        if len(rows) == 1
    ]
    return f"Without another to compare with: {', '.join(found)}." if found else None


def _groups(sweep: SweepContents) -> dict[str, list[TrialRow]]:
    groups: dict[str, list[TrialRow]] = {}
    for row in scored(sweep.table):
        if {"val/rate", "val/distortion"} <= row.metrics.keys():
            groups.setdefault(_comparable(sweep.trained[row.number]), []).append(row)
    return groups


def _comparable(trained: TrialConfig) -> str:
    if trained.fit == "mass":
        return "trained on mass"
    return f"{trained.family}, trained on {trained.fit or 'density'}"


def _plane(sweep: SweepContents, name: str, rows: Sequence[TrialRow]) -> Figure:
    points = [(row.metrics["val/rate"], row.metrics["val/distortion"]) for row in rows]
    best = [points[i] for i in front(points, ("minimize", "minimize"))]
    x, y = (_range([point[i] for point in points]) for i in (0, 1))
    lines, labels = _equal_elbo(x, y)
    data = [
        lines,
        {
            "type": "scatter",
            "mode": "lines",
            "name": "Pareto front",
            "x": [p[0] for p in best],
            "y": [p[1] for p in best],
            "hover": False,
            "colour": FAINT,
            "width": 2.5,
            "shape": "steps",  # what is above it is reached
        },
    ]
    families = sorted({sweep.trained[row.number].family for row in rows})
    for family, colour in zip(families, PALETTE * len(families), strict=False):
        group = [
            (row, point)
            for row, point in zip(rows, points, strict=True)
            if sweep.trained[row.number].family == family
        ]
        data.append(
            dots(
                family,
                [p[0] for _, p in group],
                [p[1] for _, p in group],
                [
                    f"{hover(sweep.goal, row)}\nrate {p[0]:.2f}, distortion {p[1]:.2f} nats"
                    for row, p in group
                ],
                {
                    "colour": colour,
                    "size": [11 if p in best else 7 for _, p in group],
                    "opacities": [1.0 if p in best else 0.7 for _, p in group],
                },
            )
        )
    base = layout(
        "rate, nats", "distortion, nats", 360, xaxis={"range": list(x)}, yaxis={"range": list(y)}
    )
    base["annotations"] = labels
    return Figure(
        name[0].upper() + name[1:],
        f"Validation: {len(best)} of {len(rows)} trials are on the Pareto front (large): no other "
        "is better in both. On a dotted line the ELBO = \u2212(rate + distortion) is the same.",
        {"data": data, "layout": base},
        360,
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.1 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _equal_elbo(
    x: tuple[float, float], y: tuple[float, float]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Draw lines of one ELBO each across the window, with its number where they leave it."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    labels = []
    for total in ticks(x[0] + y[0], x[1] + y[1], log=False, about=8):
        left, right = max(x[0], total - y[1]), min(x[1], total - y[0])
        if right - left < 0.15 * (x[1] - x[0]):
            continue  # cuts a corner
        xs += [left, right, None]
        ys += [total - left, total - right, None]
        labels.append(
            {
                "x": right,
                "y": total - right,
                "text": tick_text(-total),
                "xanchor": "right",
                "yanchor": "bottom",
            }
        )
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "equal ELBO",
        "x": xs,
        "y": ys,
        "hover": False,
        "colour": FAINT,
        "width": 1,
        "dash": "2 3",
    }, labels
