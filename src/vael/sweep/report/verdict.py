"""Pictures of a verdict: the differences with their intervals, and the scores of each seed."""

from collections.abc import Sequence

from vael.metrics.catalog import describe_metric
from vael.report.panels import PALETTE
from vael.sweep.report.figure import (
    BEST,
    FAINT,
    Figure,
    Options,
    find_ticks,
    make_axis,
    make_dots,
    make_figure,
    make_line,
    tick_text,
)
from vael.sweep.study.verdict import Verdict
from vael.sweep.study.verdict_text import difference_text, verdict_lines
from vael.sweep.text import printable

PLUS_MINUS = "\u00b1"
ROW, MARGINS = 46, 90  # of a figure's height, in pixels


def list_sentences(verdicts: Sequence[Verdict | str]) -> list[str]:
    """Say each verdict in sentences."""
    lines: list[str] = []
    for verdict in verdicts:
        if isinstance(verdict, str):
            lines.append(verdict)
        else:
            lines += [f"{verdict.path}: {line}" for line in verdict_lines(verdict)]
    return [printable(line.replace("+-", PLUS_MINUS).replace(" -", " \u2212")) for line in lines]


def plot_verdicts(verdicts: Sequence[Verdict | str]) -> list[Figure]:
    """Plot two figures of each verdict."""
    found = [verdict for verdict in verdicts if isinstance(verdict, Verdict)]
    return [plot(v) for v in found for plot in (plot_differences, plot_scores)]


def plot_differences(verdict: Verdict) -> Figure:
    """Plot how much worse each other choice is than the best, with its interval."""
    best, *others = verdict.contenders
    metric = describe_metric(f"test/{verdict.score}")
    rows = [(printable(c.choice), verdict.differences[0, i]) for i, c in enumerate(others, 1)]
    whole, seeds = _segments(), _segments()
    for name, d in rows[::-1]:  # the first is the lowest
        _add(whole, name, d.mean, d.half_width)
        _add(seeds, name, d.mean, d.of_seeds)
    reference = printable(best.choice)
    _add(whole, reference, 0.0, 0.0)
    points: list[tuple[object, object, str]] = []
    for name, d in rows:
        points.append((d.mean, name, f"{name}\n{difference_text(d, PLUS_MINUS)} {metric.unit}"))
    data = [
        make_line("seeds and examples", *whole, colour=BEST, width=2),
        make_line("seeds alone", *seeds, colour=BEST, width=6),
        *make_dots("difference", points, colour=BEST, size=12),
        *make_dots("", [(0.0, reference, "the best")], colour=FAINT, size=12, symbol="ring"),
    ]
    ends = [d.mean + sign * d.half_width for _, d in rows for sign in (-1, 1)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    margin = 0.08 * (high - low) or 1.0
    ticks = find_ticks(low - margin, high + margin, log=False)
    pairs = len(verdict.differences)
    at_once = f" The intervals of all {pairs} pairs hold at once." if pairs > 1 else ""
    word = "more" if verdict.lower else "less"
    return make_figure(
        f"{verdict.path}: differences to {best.choice}",
        "Paired over the same seeds and test examples, with 95 % intervals. Where one holds 0, no "
        f"difference was found.{at_once}",
        data,
        make_axis(
            f"{metric.unit} {word} than {best.choice}",
            range=[low - margin, high + margin],
            tickvals=ticks,
            ticktext=[tick_text(tick) for tick in ticks],
        ),
        make_axis("", type="category"),
        height=MARGINS + ROW * (len(rows) + 1),
        shapes=[{"x0": 0, "x1": 0, "y0": rows[-1][0], "y1": reference}],
    )


def plot_scores(verdict: Verdict) -> Figure:
    """Plot the score of each choice on each seed, those of one seed joined by a line."""
    metric = describe_metric(f"test/{verdict.score}")
    contenders = verdict.contenders[::-1]
    names = [printable(c.choice) for c in contenders]
    data: list[Options] = []
    for i, seed in enumerate(verdict.seeds):
        scores = [c.scores[i] for c in contenders]
        data.append(make_line(f"seed {seed}", scores, names, colour=FAINT, showlegend=False))
    for c, name, colour in zip(contenders, names, PALETTE * len(names), strict=False):
        points: list[tuple[object, object, str]] = [
            (score, name, f"{name}, seed {seed}\n{score:.4f} {metric.unit}\ntrial {c.trial}")
            for score, seed in zip(c.scores, verdict.seeds, strict=True)
        ]
        data += make_dots(c.choice, points, colour=colour, showlegend=False)
    return make_figure(
        f"{verdict.path}: the best of each on fresh seeds",
        "Mean over the test examples of each run; a line joins the runs of one seed.",
        data,
        make_axis(f"test/{verdict.score}, {metric.unit}"),
        make_axis("", type="category"),
        height=MARGINS + ROW * len(names),
    )


def _segments() -> tuple[list[float | None], list[str | None]]:
    return [], []


def _add(
    segments: tuple[list[float | None], list[str | None]], name: str, middle: float, half: float
) -> None:
    """Add a horizontal line with a gap behind it."""
    x, y = segments
    x += [middle - half, middle + half, None]
    y += [name, name, None]
