"""Plots with axes, as matplotlib figures on a transparent ground."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from vael.report.panels import PALETTE, TRAIN, VAL, arrange_panels
from vael.runs.metrics_csv import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#7a828c"  # reads on white and on near-black
MARKERS = "osD^vP"  # tell classes apart where colour does not
MAX_LEGEND = 30
COLUMNS = 6  # of a table, shown at most


def make_figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A transparent figure with a grid of styled axes, sizes in inches."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    figure = Figure((width, height), dpi=110, facecolor="none", layout=layout)
    made = [figure.add_subplot(rows, columns, 1 + i) for i in range(rows * columns)]
    for axes in made:
        axes.set_facecolor("none")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(INK)
        axes.tick_params(colors=INK, labelsize=9)
        axes.grid(color=INK, alpha=0.18, linewidth=0.8)
        axes.set_axisbelow(True)
        for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
            text.set_color(INK)
    return figure, made


def draw_scatter(
    mu: Tensor, labels: Tensor | None, axis_names: tuple[str, str] = ("z0", "z1")
) -> Figure:
    """Points in two latent dimensions, coloured and shaped by class.

    Args:
        mu: posterior means in the two dimensions, ``(N, 2)``.
        labels: ``(N,)`` class labels, or None.
        axis_names: what is written along the axes.
    """
    assert mu.shape[1:] == (2,), f"mu must be (N, 2), got {tuple(mu.shape)}"
    points = mu.detach().float().cpu().numpy()
    across, up = points[:, 0], points[:, 1]
    figure, (axes,) = make_figure(1, 1, 8, 6.4)
    axes.set_xlabel(axis_names[0])
    axes.set_ylabel(axis_names[1])
    size = float(np.clip(22000 / max(len(points), 1), 9, 60))
    if labels is None:
        axes.scatter(across, up, s=size, c=TRAIN, alpha=0.75, linewidths=0)
        return figure
    classes = labels.detach().cpu().numpy()
    names = np.unique(classes)
    if len(names) > MAX_LEGEND:
        shown = axes.scatter(across, up, s=size, c=classes, cmap="viridis", linewidths=0)
        bar = figure.colorbar(shown, ax=axes, label="label")
        bar.ax.tick_params(colors=INK)
        bar.ax.yaxis.label.set_color(INK)
        return figure
    for i, name in enumerate(names):
        here, colour = classes == name, PALETTE[i % len(PALETTE)]
        axes.scatter(
            across[here],
            up[here],
            s=size,
            c=colour,
            alpha=0.8,
            linewidths=0,
            label=str(name),
            marker=MARKERS[(i + i // len(PALETTE)) % len(MARKERS)],
        )
        axes.text(
            float(np.median(across[here])),
            float(np.median(up[here])),
            str(name),
            color="white",
            ha="center",
            va="center",
            weight="bold",
            fontsize=10,
            bbox={
                "boxstyle": "circle,pad=0.25",
                "facecolor": "#2a3038",
                "edgecolor": colour,
                "linewidth": 2,
            },
        )
    legend = axes.legend(
        title="label",
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        labelcolor=INK,
        ncols=ceil(len(names) / 15),
        markerscale=1.4,
    )
    legend.get_title().set_color(INK)
    return figure


def draw_curves(history: History) -> Figure:
    """Small multiples of what the run has logged: bpd, loss terms, rate, distortion, schedules."""
    shown = arrange_panels(history)
    rows = max(1, ceil(len(shown) / 2))
    figure, made = make_figure(rows, 2 if len(shown) > 1 else 1, 10, 3.2 * rows)
    for axes in made[max(len(shown), 1) :]:
        axes.set_visible(False)
    if not shown:
        made[0].text(0.5, 0.5, "nothing was logged", color=INK, ha="center", va="center")
    for axes, panel in zip(made, shown, strict=False):
        for name, colour in zip(panel.names, panel.colours, strict=True):
            series = history.series[name]
            axes.plot(
                series.x,
                series.value,
                color=colour,
                label=name,
                linewidth=1.6,
                marker="o" if len(series.x) < 3 else None,
                markersize=4,
            )
        axes.set_title(panel.title, fontsize=11, loc="left", color=INK)
        axes.set_xlabel(history.axis, fontsize=9)
        axes.set_ylabel(panel.unit, fontsize=9)
        axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    return figure


def draw_table_samples(
    data: Tensor, samples: Tensor, names: Sequence[str] = (), columns: int = COLUMNS
) -> Figure:
    """Histograms of the first columns of a table, data against samples of the model.

    Args:
        data: ``(N, D)``.
        samples: ``(M, D)``.
        names: of the columns.
        columns: how many at most are shown.
    """
    figure, made = _each_column(min(columns, data.shape[1]), names, 2.8)
    for i, axes in enumerate(made):
        pair = [_finite(data[:, i]), _finite(samples[:, i])]
        bins = np.histogram_bin_edges(np.concatenate(pair), bins=30).tolist()
        axes.hist(pair[0], bins, density=True, color=TRAIN, alpha=0.45, label="data")
        axes.hist(
            pair[1], bins, density=True, color=VAL, histtype="step", linewidth=1.8, label="model"
        )
        axes.set_yticks([])
    made[0].legend(frameon=False, labelcolor=INK, fontsize=9)
    return figure


def draw_table_reconstructions(
    x: Tensor, mean: Tensor, names: Sequence[str] = (), columns: int = COLUMNS
) -> Figure:
    """Original against reconstruction for the first columns of a table ``(N, D)``."""
    assert x.shape == mean.shape, f"{tuple(x.shape)} and {tuple(mean.shape)} must be equal"
    figure, made = _each_column(min(columns, x.shape[1]), names, 3.2)
    for i, axes in enumerate(made):
        original, decoded = x[:, i].detach().float().cpu(), mean[:, i].detach().float().cpu()
        axes.scatter(original, decoded, s=10, c=TRAIN, alpha=0.6, linewidths=0)
        low, high = float(original.min()), float(original.max())
        axes.plot([low, high], [low, high], color=INK, linewidth=1, linestyle="--")
        axes.set_xlabel("original", fontsize=9)
        axes.set_ylabel("decoded", fontsize=9)
    return figure


def _finite(values: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The finite values as an array (a histogram has no place for others)."""
    array = values.detach().float().cpu().numpy()
    finite: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = array[np.isfinite(array)]
    return finite


def _each_column(count: int, names: Sequence[str], height: float) -> tuple[Figure, list[Axes]]:
    """A small plot for each of the first columns of a table, three in a row, with its name."""
    wide = min(3, count)
    rows = ceil(count / wide)
    figure, made = make_figure(rows, wide, 3.4 * wide, height * rows)
    for axes in made[count:]:
        axes.set_visible(False)
    for i, axes in enumerate(made[:count]):
        axes.set_title(names[i] if names else f"column {i}", fontsize=10)
    return figure, list(made[:count])
