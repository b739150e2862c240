"""The bars of results/bench.svg."""

import statistics
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

TITLES = {"mlp": "MLP 784-400-20", "conv": "convolutions 32-64"}
OURS, THEIRS, LIMIT = "#2563eb", "#94a3b8", "#d6d9de"


def draw(known: dict[str, Any], path: Path) -> None:
    """Training examples per second of each contender: median, and the range as a line."""
    parts = [part for part in TITLES if part in known["parts"]]
    if not parts:
        return
    figure = Figure(figsize=(11.5, 3.4), layout="constrained")
    for axes, part in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        rows = known["parts"][part]
        rates = {name: [row["rate"] for row in found] for name, found in rows.items()}
        names = sorted(rates, key=lambda name: statistics.median(rates[name]))
        middle = [statistics.median(rates[name]) for name in names]
        reach = [
            [m - min(rates[n]) for n, m in zip(names, middle, strict=True)],
            [max(rates[n]) - m for n, m in zip(names, middle, strict=True)],
        ]
        colours = [{"vael": OURS, "arithmetic alone": LIMIT}.get(name, THEIRS) for name in names]
        axes.barh(names, middle, xerr=reach, color=colours, ecolor="#475569", height=0.7)
        for place, value in enumerate(middle):
            axes.text(0.02 * max(middle), place, f"{value:,.0f}", va="center", fontsize=8)
        axes.set_title(TITLES[part], fontsize=10, loc="left")
        axes.tick_params(labelsize=8)
        axes.tick_params(axis="x", labelbottom=False, bottom=False)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    figure.supxlabel("training examples per second on one core, batch 128, MNIST", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
