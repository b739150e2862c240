"""Bars of training speed: results/bench.svg, results/bench_gpu.svg."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

TITLES = {"mlp": "MLP 784-400-20", "conv": "convolutions 32-64"}
OURS, THEIRS, LIMIT = "#2563eb", "#94a3b8", "#d6d9de"


def draw(known: dict[str, Any], path: Path) -> None:
    """Training examples per second of each contender on a CPU."""
    parts = {
        title: {
            name: [row["rate"] for row in found] for name, found in known["parts"][part].items()
        }
        for part, title in TITLES.items()
        if part in known["parts"]
    }
    caption = "training examples per second on one core, batch 128, MNIST"
    draw_bars(parts, caption, path, limits=("arithmetic alone",))


def draw_bars(
    parts: Mapping[str, Mapping[str, Sequence[float]]],
    caption: str,
    path: Path,
    limits: Sequence[str] = (),
) -> None:
    """Draw one group of bars a title: of each name the median, and the range as a line."""
    if not parts:
        return
    columns = min(2, len(parts))
    lines = -(-len(parts) // columns)
    figure = Figure(figsize=(11.5, 3.4 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in grid[len(parts) :]:
        axes.set_visible(False)
    for axes, (title, rates) in zip(grid, parts.items(), strict=False):
        names = sorted(rates, key=lambda name: statistics.median(rates[name]))
        middle = [statistics.median(rates[name]) for name in names]
        reach = [
            [m - min(rates[n]) for n, m in zip(names, middle, strict=True)],
            [max(rates[n]) - m for n, m in zip(names, middle, strict=True)],
        ]
        colours = [
            OURS if name.startswith("vael") else LIMIT if name in limits else THEIRS
            for name in names
        ]
        axes.barh(names, middle, xerr=reach, color=colours, ecolor="#475569", height=0.7)
        for place, value in enumerate(middle):
            axes.text(0.02 * max(middle), place, f"{value:,.0f}", va="center", fontsize=8)
        axes.set_title(title, fontsize=10, loc="left")
        axes.tick_params(labelsize=8)
        axes.tick_params(axis="x", labelbottom=False, bottom=False)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    figure.supxlabel(caption, fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def draw_lines(
    lines: Mapping[str, Sequence[tuple[float, float]]], across: str, up: str, path: Path
) -> None:
    """Draw one line a name through its points (x, y); x doubles from mark to mark."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for (name, points), colour in zip(lines.items(), (OURS, "#ea580c", THEIRS), strict=False):
        x, y = zip(*points, strict=True)
        axes.plot(x, y, "o-", color=colour, label=name)
    axes.set_xscale("log", base=2)
    marks = sorted({x for points in lines.values() for x, _ in points})
    axes.set_xticks(marks, [f"{mark:g}" for mark in marks])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(path, metadata={"Date": None})
