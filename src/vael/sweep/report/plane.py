"""Planes of a sweep: beta against latent size, and distortion against rate."""

from collections.abc import Sequence

from vael.report.panels import PALETTE
from vael.runs.summary import finite_number
from vael.sweep.report.contents import SweepContents
from vael.sweep.report.figure import (
    BAD,
    FAINT,
    Figure,
    Options,
    find_ticks,
    hover_text,
    make_axis,
    make_colour_scale,
    make_dots,
    make_figure,
    make_line,
    make_number_axis,
    tick_text,
)
from vael.sweep.study.ranking import Goal, find_front, select_scored
from vael.sweep.study.table import TrialRow

X, Y = "model.latent_dim", "objective.beta"


def plot_maps(sweep: SweepContents) -> list[Figure]:
    """Plot beta against latent size for each likelihood, with the same axes and colours."""
    ended = [row for row in sweep.table if row.finished]
    shown = [r for r in ended if None not in (finite_number(r.params.get(n)) for n in (X, Y))]
    complete = select_scored(shown)
    if len(complete) < 2 or any(len({r.params[n] for r in complete}) < 2 for n in (X, Y)):
        return []
    goal = sweep.goal
    scale = make_colour_scale(
        [row.values[0] for row in complete], goal.directions[0], goal.targets[0]
    )
    families: dict[str, list[TrialRow]] = {}
    for row in shown:
        families.setdefault(sweep.trained[row.number].family, []).append(row)
    return [
        make_figure(
            f"Beta and latent size: {family}",
            f"Coloured by {goal.targets[0]}, blue is best; the same scale for all likelihoods.",
            _map(goal, families[family], scale),
            make_number_axis("latent dimensions", [row.params[X] for row in shown]),
            make_number_axis("beta", [row.params[Y] for row in shown]),
        )
        for family in sorted(families)
    ]


def _map(goal: Goal, rows: Sequence[TrialRow], scale: Options) -> list[Options]:
    def points(group: Sequence[TrialRow]) -> list[tuple[object, object, str]]:
        return [(row.params[X], row.params[Y], hover_text(goal, row)) for row in group]

    complete = select_scored(rows)
    failed = [row for row in rows if row.state == "failed"]
    pruned = [row for row in rows if row.state == "pruned"]
    values = [row.values[0] for row in complete]
    return [  # what did not complete lies below
        *make_dots("failed", points(failed), colour=BAD, symbol="x", size=8),
        *make_dots("pruned", points(pruned), colour=FAINT, symbol="ring", size=8),
        *make_dots("complete", points(complete), colours=values, scale=scale, size=11),
    ]


def plot_planes(sweep: SweepContents) -> list[Figure]:
    """Plot distortion against rate with the Pareto front, for each group that can be compared.

    What is trained on mass is comparable whatever the likelihood; densities only within one.
    """
    groups = {name: rows for name, rows in _groups(sweep).items() if len(rows) > 1}
    ordered = sorted(groups, key=lambda name: (-len(groups[name]), name))
    return [_plane(sweep, name, groups[name]) for name in ordered]


def name_alone(sweep: SweepContents) -> str | None:
    """Name the trials on no plane, because no other can be compared with them."""
    found = [
        f"trial {rows[0].number} ({name})"
        for name, rows in sorted(_groups(sweep).items())
        if len(rows) == 1
    ]
    return f"Without another to compare with: {', '.join(found)}." if found else None


def _groups(sweep: SweepContents) -> dict[str, list[TrialRow]]:
    groups: dict[str, list[TrialRow]] = {}
    for row in select_scored(sweep.table):
        if {"val/rate", "val/distortion"} <= row.metrics.keys():
            trained = sweep.trained[row.number]
            density = f"{trained.family}, trained on {trained.fit or 'density'}"
            name = "trained on mass" if trained.fit == "mass" else density
            groups.setdefault(name, []).append(row)
    return groups


def _plane(sweep: SweepContents, name: str, rows: Sequence[TrialRow]) -> Figure:
    points = [(row.metrics["val/rate"], row.metrics["val/distortion"]) for row in rows]
    best = [points[i] for i in find_front(points, ("minimize", "minimize"))]
    x, y = (_range(axis) for axis in zip(*points, strict=True))
    lines, labels = _equal_elbo(x, y)
    steps = make_line("Pareto front", *zip(*best, strict=True), colour=FAINT, width=2.5)
    data = [lines, {**steps, "shape": "steps"}]  # what is above it is reached
    families = sorted({sweep.trained[row.number].family for row in rows})
    for family, colour in zip(families, PALETTE * len(families), strict=False):
        group = [
            (p, f"{hover_text(sweep.goal, row)}\nrate {p[0]:.2f}, distortion {p[1]:.2f} nats")
            for row, p in zip(rows, points, strict=True)
            if sweep.trained[row.number].family == family
        ]
        data += make_dots(
            family,
            [(*p, text) for p, text in group],
            colour=colour,
            size=[11 if p in best else 7 for p, _ in group],
            opacities=[1.0 if p in best else 0.7 for p, _ in group],
        )
    return make_figure(
        name[0].upper() + name[1:],
        f"Validation: the Pareto front has {len(best)} of {len(rows)} trials (large): no other "
        "is better in both. On a dotted line the ELBO = \u2212(rate + distortion) is the same.",
        data,
        make_axis("rate, nats", range=list(x)),
        make_axis("distortion, nats", range=list(y)),
        height=360,
        annotations=labels,
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.1 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _equal_elbo(x: tuple[float, float], y: tuple[float, float]) -> tuple[Options, list[Options]]:
    """Draw lines of one ELBO each across the window, with its number where they leave it."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    labels = []
    for total in find_ticks(x[0] + y[0], x[1] + y[1], log=False, about=8):
        left, right = max(x[0], total - y[1]), min(x[1], total - y[0])
        if right - left < 0.15 * (x[1] - x[0]):
            continue  # cuts a corner
        xs += [left, right, None]
        ys += [total - left, total - right, None]
        place = {"x": right, "y": total - right, "xanchor": "right", "yanchor": "bottom"}
        labels.append({**place, "text": tick_text(-total)})
    return make_line("equal ELBO", xs, ys, colour=FAINT, width=1, dash="2 3"), labels
