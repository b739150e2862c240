"""Draw series over time."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from torch import Tensor

from vael.report.figures import TITLE, make_canvas
from vael.report.panels import PALETTE
from vael.report.pictures import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANNELS = 4  # drawn at most
LOW_TO_HIGH = "Dark curves are low values of the dimension, light ones high; up to 4 channels."


def draw_series(lines: Tensor, dots: Tensor | None = None) -> Figure:
    """Draw series ``(N, C, T)`` over time, one in each plot, and others as dots beside them.

    Missing values (NaN) leave a gap.
    """
    rows = ceil(len(lines) / 3)
    figure, made = make_canvas(rows, 3, 10, 2.3 * rows)
    for axes in made[len(lines) :]:
        axes.set_visible(False)
    for n, axes in enumerate(made[: len(lines)]):
        for channel in range(min(lines.shape[1], CHANNELS)):
            colour = PALETTE[channel % len(PALETTE)]
            axes.plot(lines[n, channel].float().cpu(), color=colour, linewidth=1.4)
            if dots is not None:
                axes.plot(dots[n, channel].float().cpu(), ".", color=colour, markersize=4)
        if n >= len(lines) - 3:
            axes.set_xlabel("step", fontsize=9)
    return figure


def draw_series_traversal(frames: Tensor, labels: Sequence[str]) -> Figure:
    """Draw series ``(R, S, C, T)``, a row for each dimension that is moved in S steps.

    Each channel has its column, and one scale in all rows.
    """
    from matplotlib import colormaps

    rows, steps, channels, _ = frames.shape
    columns = min(channels, CHANNELS)
    figure, made = make_canvas(rows, columns, 2.6 * columns + 1, 1.5 * rows + 0.4)
    colours = [colormaps["viridis"](0.92 * step / max(steps - 1, 1)) for step in range(steps)]
    values = frames.detach().float().cpu()
    for row in range(rows):
        for channel in range(columns):
            axes = made[row * columns + channel]
            for step, colour in enumerate(colours):
                axes.plot(values[row, step, channel], color=colour, linewidth=1.2)
            low, high = values[:, :, channel].min().item(), values[:, :, channel].max().item()
            room = 0.05 * (high - low) or 0.1
            axes.set_ylim(low - room, high + room)
            if row == 0:
                axes.set_title(f"channel {channel}", **TITLE)
            if channel == 0:
                axes.set_ylabel(labels[row], fontsize=9)
            if row == rows - 1:
                axes.set_xlabel("step", fontsize=9)
    return figure


def draw_series_pictures(x: Tensor, decoded: Tensor, samples: Tensor) -> dict[str, Picture]:
    """Draw held-out series against their reconstructions, and samples, in standard deviations."""
    number = x.shape[1]
    which = f"The first {CHANNELS} of {number}" if number > CHANNELS else "All"
    units = f"{which} channels, in standard deviations from their means in training."
    return {
        "reconstructions": Picture(
            draw_series(decoded, x),
            "Held-out series (dots) and the mean of p(x|z) at their posterior mean (lines), also "
            f"beyond their ends. {units}",
        ),
        "samples": Picture(
            draw_series(samples),
            f"Means of p(x|z) for z drawn from the prior p(z): what the model makes up. {units}",
        ),
    }
