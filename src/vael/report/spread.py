"""The standard deviation of a score that each stream of randomness causes, as a figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vael.metrics.catalog import describe_metric
from vael.report.figures import INK, make_figure
from vael.report.panels import TRAIN, VAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_spread(result: Mapping[str, Any]) -> Figure:
    """The runs of each stream beside their standard deviation with its interval.

    Args:
        result: of `vael.evaluation.seed_variance.measure_seed_variance`.
    """
    spreads: Mapping[str, Mapping[str, Any]] = result["spreads"]
    names = list(spreads)
    unit = describe_metric(result["score"]).unit
    figure, (runs, widths) = make_figure(1, 2, 10, 0.45 * len(names) + 1.5)
    unvaried = spreads[names[0]]["mean"]
    for place, name in enumerate(names):
        spread = spreads[name]
        away = [value - unvaried for value in spread["values"]]
        runs.plot(
            away,
            [place] * len(away),
            "o",
            color=TRAIN,
            alpha=0.55,
            markersize=6,
            markeredgewidth=0,
        )
        widths.plot(
            [spread["low"], spread["high"]],
            [place, place],
            color=TRAIN,
            linewidth=3,
            alpha=0.5,
            solid_capstyle="butt",
        )
        widths.plot(spread["std"], place, "o", color=TRAIN, markersize=7)
        widths.annotate(
            f"{spread['std']:.2g}" if spread["std"] else "0, to the bit",
            (0.99, place),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            color=INK,
            fontsize=9,
        )
    widths.axvline(
        result["root_of_sum_of_squares"],
        color=VAL,
        linestyle="--",
        linewidth=1.4,
        label="the four apart, summed",
    )
    top = max(spread["high"] for spread in spreads.values())
    widths.set_xlim(-0.03 * top, 1.3 * top or 1)
    widths.legend(frameon=False, labelcolor=INK, fontsize=9, loc="lower right")
    runs.set_title(
        f"{result['seeds']} runs each, away from the one that is not varied",
        fontsize=11,
        loc="left",
        color=INK,
    )
    widths.set_title(
        f"standard deviation and its {result['confidence']:.0%} interval",
        fontsize=11,
        loc="left",
        color=INK,
    )
    for axes in (runs, widths):
        axes.set_xlabel(f"{result['score']}, {unit}", fontsize=9)
        axes.set_yticks(range(len(names)), names if axes is runs else [""] * len(names))
        axes.set_ylim(len(names) + 0.2, -0.5)  # with room for the legend
        axes.locator_params("x", nbins=6)
    return figure
