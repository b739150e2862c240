"""Pictures of what a search costs as it grows."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

COLOURS = {"journal": "#2a6fdb", "sqlite": "#d9822b", "postgres": "#3d8f5f"}
GOAL_MS = 150


def draw_pictures(rows: list[dict[str, Any]], out: Path) -> None:
    """Draw four panels: claim, report and finish over the trials, and the size on disk."""
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    for axis, name in zip(axes, ("claim", "report", "finish", "size"), strict=True):
        for kind, colour in COLOURS.items():
            of_kind = [row for row in rows if row["storage"] == kind]
            for running in sorted({row["running"] for row in of_kind}):
                own = [row for row in of_kind if row["running"] == running]
                y = [row["study_mib"] if name == "size" else row[name]["cpu_ms"] for row in own]
                if name != "size" or running == 2:
                    look = "o-" if running == 2 else "s:"
                    label = f"{kind}, {running:,} running"
                    x = [row["trials"] for row in own]
                    axis.plot(x, y, look, color=colour, label=label, markersize=4)
        axis.set_xscale("log")
        axis.set_xlabel("trials in the study")
        axis.set_ylabel("MiB on disk" if name == "size" else "ms of processor time")
        axis.set_title({"size": "the study", "claim": "claim, under the lock"}.get(name, name))
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].axhline(GOAL_MS, color="gray", linewidth=1)
    axes[0].text(100, GOAL_MS + 3, f"goal: {GOAL_MS} ms", va="bottom", color="gray", fontsize=8)
    axes[0].legend(fontsize=8)
    figure.savefig(out)
