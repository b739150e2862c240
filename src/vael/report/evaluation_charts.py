"""The plots of an evaluation: the bound against k, and what each latent dimension carries."""

import math
from collections.abc import Mapping
from typing import Any

from vael.metrics.catalog import METRICS
from vael.report.charts import Plot, make_plot
from vael.report.evaluation import Values, list_bounds
from vael.report.panels import TRAIN

IDLE = "#94a4a2"
MOST_NAMES = 40  # bars that can have a name each


def plot_evaluation(evaluation: Mapping[str, Any]) -> list[Plot]:
    """The figures that this evaluation has numbers for."""
    v = Values(evaluation)
    return [plot for plot in (_bound(v), _spectrum(v)) if plot]


def _bound(v: Values) -> Plot | None:
    """The upper bound on the code length, falling with k; None for fewer than two k."""
    target = "bpd" if v.at("target") == "bpd" else "nll"
    metric = METRICS[target]
    points = [
        (k, v.number(f"bounds.{name}.{target}"), v.number(f"bounds.{name}.{target}_se"))
        for k, name in list_bounds(v)
    ]
    known = [(k, y, e or 0.0) for k, y, e in points if y is not None and math.isfinite(y)]
    if len(known) < 2:
        return None
    ks, values, errors = (list(column) for column in zip(*known, strict=True))
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "bound",
        "x": ks,
        "y": values,
        "error": [2 * e if e > 0 else 0 for e in errors],
        "colour": TRAIN,
        "showlegend": False,
        "text": [f"k = {k:,}: {y:.5g}" for k, y, _ in known],
    }
    plot = make_plot(f"{metric.title} by k, \u00b1 2 standard errors", "k", metric.unit, [trace])
    del plot["layout"]["hovermode"]
    plot["layout"]["xaxis"] |= {"type": "log", "tickvals": ks, "ticktext": [f"{k:,}" for k in ks]}
    return plot


def _spectrum(v: Values) -> Plot | None:
    """Bars by latent dimension, the largest first; active ones have their own colour."""
    variance = v.numbers("latents.spectrum.variance")
    rates = v.numbers("latents.spectrum.kl")
    threshold = v.number("latents.spectrum.threshold")
    values, metric = (
        (rates or variance),
        METRICS[f"latents.spectrum.{'kl' if rates else 'variance'}"],
    )
    if not values or len(variance) != len(values) or threshold is None:
        return None
    order = sorted(range(len(values)), key=lambda dim: -values[dim])
    shown = [(f"active, Var[E[z|x]] > {threshold:g}", TRAIN, True), ("not active", IDLE, False)]
    traces = []
    for name, colour, active in shown:
        ranks = [r for r, dim in enumerate(order) if (variance[dim] > threshold) == active]
        dims = [order[r] for r in ranks]
        if ranks:
            traces.append(
                {
                    "type": "bar",
                    "name": f"{len(ranks)} {name}",
                    "x": [r + 1 for r in ranks],
                    "y": [values[dim] for dim in dims],
                    "text": [
                        f"z{dim}: {values[dim]:.4g} {metric.unit}\nvariance of its mean "
                        f"{variance[dim]:.3g}"
                        for dim in dims
                    ],
                    "colour": colour,
                }
            )
    plot = make_plot(
        f"{metric.title} by latent dimension", "latent dimensions, sorted", metric.unit, traces
    )
    plot["layout"]["hovermode"] = "band"
    plot["layout"]["xaxis"] |= {"grid": False, "range": [0.4, len(order) + 0.6]}
    if len(order) <= MOST_NAMES:
        plot["layout"]["xaxis"] |= {
            "tickvals": [r + 1 for r in range(len(order))],
            "ticktext": [f"z{dim}" for dim in order],
        }
    return plot
