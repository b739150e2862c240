"""Regret: how far the best found is from the best known, against the epochs of training spent."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from searching.replay import TWO, Replay

DEFAULT, WHOLE = "tpe / tangent", "tpe / none"
TRIALS = 40
PRUNERS = (DEFAULT, WHOLE, "tpe / halving from 8", "tpe / hyperband", "tpe / median from 5")
SAMPLERS = (DEFAULT, *(f"{s} / tangent" for s in ("gp", "cmaes", "nsgaii", "random")))
COLOURS = ("#2563eb", "#0f172a", "#dc2626", "#d97706", "#7c3aed")
Replays = Mapping[str, Sequence[Replay]]


@dataclass(frozen=True)
class Row:
    """One sampler and pruner over all seeds.

    Attributes:
        share: of the epochs that the search without a pruner takes for as many trials; median.
        same: seeds in which it tries what that search tries, to the end.
        loss: best score over that search's, minus 1; median, mean, standard deviation and worst.
        beats: seeds in which it ends better than the default configuration.
        behind: best score at the epochs that the default search takes, over the default search's,
            minus 1; mean and its standard error. Negative: it is better.
    """

    pair: str
    seeds: int
    share: float
    same: int
    loss: tuple[float, float, float, float]
    beats: int
    behind: tuple[float, float]


def summarize(replays: Replays) -> list[Row]:
    """Compare each pair, seed by seed, with the search without a pruner and the default one."""
    spent = {p: [run.ends[TRIALS - 1][0] for run in runs] for p, runs in replays.items()}
    found = {p: [run.best(trials=TRIALS) for run in runs] for p, runs in replays.items()}
    seeds = min(map(len, replays.values()))
    rows = []
    for pair, runs in replays.items():
        whole, shipped = (name + TWO * pair.endswith(TWO) for name in (WHOLE, DEFAULT))
        shares = [spent[pair][s] / spent[whole][s] for s in range(seeds)]
        losses = [found[pair][s] / found[whole][s] - 1 for s in range(seeds)]
        behind = [
            runs[s].best(epochs=spent[shipped][s]) / found[shipped][s] - 1 for s in range(seeds)
        ]
        rows.append(
            Row(
                pair,
                seeds,
                statistics.median(shares),
                sum(runs[s].tried == replays[whole][s].tried for s in range(seeds)),
                (
                    statistics.median(losses),
                    statistics.mean(losses),
                    statistics.stdev(losses),
                    max(losses),
                ),
                sum(found[pair][s] < runs[s].default for s in range(seeds)),
                (statistics.mean(behind), statistics.stdev(behind) / seeds**0.5),
            )
        )
    return rows


def table(rows: Sequence[Row]) -> str:
    """Write the rows as Markdown."""
    lines = [
        "| sampler / pruner | epochs | same trials | loss, median | mean and spread | worst | "
        "beats the default configuration | at the default search's epochs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        median, middle, spread, worst = (100 * loss for loss in row.loss)
        mean, error = (100 * part for part in row.behind)
        lines.append(
            f"| {row.pair} | {row.share:.2f} | {row.same} of {row.seeds} | {median:+.2f} % | "
            f"{middle:+.2f} ± {spread:.2f} % | {worst:+.2f} % | {row.beats} of {row.seeds} | "
            f"{mean:+.2f} ± {error:.2f} % |"
        )
    return "\n".join(lines)


def draw(replays: Replays, path: Path) -> None:
    """Draw the regret against epochs: pruners with TPE, samplers with the default pruner."""
    seeds = min(map(len, replays.values()))
    best = [min(runs[s].best() for runs in replays.values()) for s in range(seeds)]
    panels = [
        (PRUNERS, 1, "pruners, with TPE"),
        (SAMPLERS, 0, "samplers, with the tangent pruner"),
    ]
    panels = [panel for panel in panels if {*panel[0]} <= replays.keys()]
    if not panels:
        return
    figure = Figure(figsize=(6.2 * len(panels), 4.2), layout="constrained")
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (pairs, part, title) in zip(row, panels, strict=True):
        for pair, colour in zip(pairs, COLOURS, strict=True):
            _line(axes, replays[pair][:seeds], best, pair.split(" / ")[part], colour)
        axes.set_title(title, fontsize=10, loc="left")
        axes.tick_params(labelsize=8)
        axes.set_xlabel("epochs of training, all trials together", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False)
    row[0].set_ylabel("best found above the best known, %", fontsize=9)
    row[0].set_ylim(0, 6)
    figure.savefig(path, metadata={"Date": None})


def _line(
    axes: Axes, runs: Sequence[Replay], best: Sequence[float], name: str, colour: str
) -> None:
    epochs = np.arange(200, 2401, 20)
    regret = np.array(
        [
            [100 * (run.best(epochs=e) / known - 1) for e in epochs]
            for run, known in zip(runs, best, strict=True)
        ]
    )
    low, middle, high = np.percentile(regret, [25, 50, 75], axis=0)
    axes.plot(epochs, middle, color=colour, lw=1.6, label=name)
    axes.fill_between(epochs, low, high, color=colour, alpha=0.12, lw=0)
