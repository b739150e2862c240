"""Draw plots with axes, as matplotlib figures on a transparent ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from vael.metrics.catalog import describe_metric
from vael.report.panels import PALETTE, TRAIN, VAL, arrange_panels
from vael.report.pictures import Picture
from vael.runs.metrics_csv import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#7a828c"  # reads on white and on near-black
MARKERS = "osD^vP"  # tell classes apart where colour does not
MAX_LEGEND = 30
COLUMNS = 6  # of a table, shown at most
Look = dict[str, Any]
TITLE: Look = {"fontsize": 11, "loc": "left", "color": INK}
LEGEND: Look = {"frameon": False, "labelcolor": INK, "fontsize": 9}


def make_canvas(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a transparent figure with a grid of styled axes, sizes in inches."""
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


def draw_detection(against: Mapping[str, Any], target: str) -> Picture:
    """Draw the histograms of each score of one's own examples and of other data.

    Args:
        against: the section of evaluation.json.
        target: ``bpd``, ``nll`` or ``distortion``: what the bound is.
    """
    counts = against["histograms"]
    units = {"bound": "bits / dim" if target == "bpd" else "nats"}
    rows = ceil(len(counts) / 2)
    figure, panels = make_canvas(rows, min(2, len(counts)), 9, 3.1 * rows)
    for axes, (name, both) in zip(panels, counts.items(), strict=False):
        edges = np.asarray(both["edges"])
        for label, key, colour in (("this data", "own", TRAIN), ("other data", "other", VAL)):
            share = np.asarray(both[key]) / max(sum(both[key]), 1)
            axes.stairs(share, edges, fill=True, alpha=0.45, color=colour, label=label)
            axes.stairs(share, edges, color=colour, linewidth=1.2)
        axes.set(xlabel=f"{name}, {units.get(name, 'nats')}", ylabel="share of the examples")
        axes.set_title(f"AUROC {against[name]['auroc']:.3f}", **TITLE)
        axes.legend(**LEGEND)
    settings = " ".join(map(str, against["settings"]))
    return Picture(
        figure,
        f"Scores of {against['own_examples']:,} examples of this data and {against['examples']:,} "
        f"of {settings}; the outer bins hold what lies beyond. AUROC is how often the other "
        "example has the higher score.",
    )


def draw_scatter(
    mu: Tensor, labels: Tensor | None, axis_names: tuple[str, str] = ("z0", "z1")
) -> Figure:
    """Draw points in two latent dimensions, coloured and shaped by class.

    Args:
        mu: posterior means in the two dimensions, ``(N, 2)``.
        labels: ``(N,)`` class labels, or None.
        axis_names: what is written along the axes.
    """
    assert mu.shape[1:] == (2,), f"mu must be (N, 2), got {tuple(mu.shape)}"
    points = mu.detach().float().cpu().numpy()
    across, up = points[:, 0], points[:, 1]
    figure, (axes,) = make_canvas(1, 1, 8, 6.4)
    axes.set(xlabel=axis_names[0], ylabel=axis_names[1])
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
        marker = MARKERS[(i + i // len(PALETTE)) % len(MARKERS)]
        dots: Look = {"s": size, "c": colour, "alpha": 0.8, "linewidths": 0, "marker": marker}
        axes.scatter(across[here], up[here], label=str(name), **dots)
        x, y = (float(np.median(values[here])) for values in (across, up))
        box = {"boxstyle": "circle,pad=0.25", "facecolor": "#2a3038", "edgecolor": colour}
        font: Look = {"color": "white", "weight": "bold", "fontsize": 10}
        place: Look = {"ha": "center", "va": "center", "bbox": {**box, "linewidth": 2}}
        axes.text(x, y, str(name), **font, **place)
    columns = ceil(len(names) / 15)
    look: Look = {"frameon": False, "labelcolor": INK, "markerscale": 1.4, "ncols": columns}
    legend = axes.legend(title="label", loc="center left", bbox_to_anchor=(1.0, 0.5), **look)
    legend.get_title().set_color(INK)
    return figure


def draw_usage(counts: Tensor) -> Figure:
    """Draw how often each of K codes occurs, ``(K,)``, the most used first, and an equal use."""
    shares = (counts[counts > 0].double() / counts.sum()).sort(descending=True).values.numpy()
    figure, (axes,) = make_canvas(1, 1, 8, 3.4)
    edges = np.arange(len(shares) + 1)
    axes.stairs(shares, edges, fill=True, alpha=0.45, color=TRAIN)
    axes.stairs(shares, edges, color=TRAIN, linewidth=1.2)
    axes.axhline(1 / len(counts), color=VAL, linestyle="--", linewidth=1.2)
    whole = len(counts) if len(counts) <= 4 * len(shares) else len(shares)
    axes.set(xlabel="codes, the most used first", ylabel="share of all codes", xlim=(0, whole))
    return figure


def draw_curves(history: History) -> Figure:
    """Draw small multiples of what the run has logged, a plot for each panel."""
    shown = arrange_panels(history)
    rows = max(1, ceil(len(shown) / 2))
    figure, made = make_canvas(rows, 2 if len(shown) > 1 else 1, 10, 3.2 * rows)
    for axes in made[max(len(shown), 1) :]:
        axes.set_visible(False)
    if not shown:
        made[0].text(0.5, 0.5, "nothing was logged", color=INK, ha="center", va="center")
    for axes, panel in zip(made, shown, strict=False):
        for name, colour in zip(panel.names, panel.colours, strict=True):
            series = history.series[name]
            marker = "o" if len(series.x) < 3 else None
            look: Look = {"color": colour, "linewidth": 1.6, "marker": marker, "markersize": 4}
            axes.plot(series.x, series.value, label=name, **look)
        axes.set_title(panel.title, **TITLE)
        axes.set_xlabel(history.axis, fontsize=9)
        axes.set_ylabel(panel.unit, fontsize=9)
        axes.legend(**LEGEND)
    return figure


def draw_table_samples(data: Tensor, samples: Tensor, names: Sequence[str] = ()) -> Figure:
    """Draw histograms of the first columns of a table, data against samples of the model.

    Args:
        data: ``(N, D)``.
        samples: ``(M, D)``.
        names: of the columns.
    """
    figure, made = _each_column(data.shape[1], names, 2.8)
    for i, axes in enumerate(made):
        pair = [_finite(data[:, i]), _finite(samples[:, i])]
        bins = np.histogram_bin_edges(np.concatenate(pair), bins=30).tolist()
        axes.hist(pair[0], bins, density=True, color=TRAIN, alpha=0.45, label="data")
        outline: Look = {"color": VAL, "histtype": "step", "linewidth": 1.8}
        axes.hist(pair[1], bins, density=True, label="model", **outline)
        axes.set_yticks([])
    made[0].legend(**LEGEND)
    return figure


def draw_table_reconstructions(x: Tensor, mean: Tensor, names: Sequence[str] = ()) -> Figure:
    """Draw original against reconstruction for the first columns of a table ``(N, D)``."""
    assert x.shape == mean.shape, f"{tuple(x.shape)} and {tuple(mean.shape)} must be equal"
    figure, made = _each_column(x.shape[1], names, 3.2)
    for i, axes in enumerate(made):
        original, decoded = x[:, i].detach().float().cpu(), mean[:, i].detach().float().cpu()
        axes.scatter(original, decoded, s=10, c=TRAIN, alpha=0.6, linewidths=0)
        known = _finite(original)
        low, high = known.min().item(), known.max().item()
        axes.plot([low, high], [low, high], color=INK, linewidth=1, linestyle="--")
        axes.set_xlabel("original", fontsize=9)
        axes.set_ylabel("decoded", fontsize=9)
    return figure


def draw_spread(result: Mapping[str, Any]) -> Figure:
    """Draw the runs of each stream of randomness beside their standard deviation.

    Args:
        result: of `vael.evaluation.seed_variance.measure_seed_variance`.
    """
    spreads: Mapping[str, Mapping[str, Any]] = result["spreads"]
    names = list(spreads)
    unit = describe_metric(result["score"]).unit
    figure, (runs, widths) = make_canvas(1, 2, 10, 0.45 * len(names) + 1.5)
    unvaried = spreads[names[0]]["mean"]
    dot: Look = {"color": TRAIN, "alpha": 0.55, "markersize": 6, "markeredgewidth": 0}
    bar: Look = {"color": TRAIN, "alpha": 0.5, "linewidth": 3, "solid_capstyle": "butt"}
    right: Look = {"ha": "right", "va": "center", "color": INK, "fontsize": 9}
    for place, name in enumerate(names):
        spread = spreads[name]
        away = [value - unvaried for value in spread["values"]]
        runs.plot(away, [place] * len(away), "o", **dot)
        widths.plot([spread["low"], spread["high"]], [place, place], **bar)
        widths.plot(spread["std"], place, "o", color=TRAIN, markersize=7)
        text = f"{spread['std']:.2g}" if spread["std"] else "0, to the bit"
        widths.annotate(text, (0.99, place), xycoords=("axes fraction", "data"), **right)
    dashed: Look = {"color": VAL, "linestyle": "--", "linewidth": 1.4}
    widths.axvline(result["root_of_sum_of_squares"], label="the four apart, summed", **dashed)
    top = max(spread["high"] for spread in spreads.values())
    widths.set_xlim(-0.03 * top, 1.3 * top or 1)
    widths.legend(**LEGEND, loc="lower right")
    about = f"{result['seeds']} runs each, away from the one that is not varied"
    runs.set_title(about, **TITLE)
    widths.set_title(f"standard deviation and its {result['confidence']:.0%} interval", **TITLE)
    for axes in (runs, widths):
        axes.set_xlabel(f"{result['score']}, {unit}", fontsize=9)
        axes.set_yticks(range(len(names)), names if axes is runs else [""] * len(names))
        axes.set_ylim(len(names) + 0.2, -0.5)  # with room for the legend
        axes.locator_params("x", nbins=6)
    return figure


def _finite(values: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return the finite values as an array (a histogram has no place for others)."""
    array = values.detach().float().cpu().numpy()
    finite: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = array[np.isfinite(array)]
    return finite


def _each_column(count: int, names: Sequence[str], height: float) -> tuple[Figure, list[Axes]]:
    """Make a small plot for each of the first columns of a table, three in a row."""
    count = min(COLUMNS, count)
    wide = min(3, count)
    rows = ceil(count / wide)
    figure, made = make_canvas(rows, wide, 3.4 * wide, height * rows)
    for axes in made[count:]:
        axes.set_visible(False)
    for i, axes in enumerate(made[:count]):
        axes.set_title(names[i] if names else f"column {i}", fontsize=10)
    return figure, list(made[:count])
