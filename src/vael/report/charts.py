"""Plot what a run has logged and evaluated: plain dictionaries that ``plot.js`` draws."""

import math
from collections.abc import Mapping
from typing import Any

from vael.metrics.catalog import METRICS
from vael.report.evaluation import Values, list_bounds
from vael.report.panels import TRAIN, Panel, arrange_panels
from vael.runs.metrics_csv import History, Series

Plot = dict[str, Any]
FAINT = "rgba(128,136,146,0.5)"
IDLE = "#94a4a2"
MOST_NAMES = 40  # bars that can have a name each
VIRIDIS = (
    (0.0, "#440154"), (0.25, "#3b528b"), (0.5, "#21918c"), (0.75, "#5ec962"), (1.0, "#fde725"),
)  # fmt: skip


def make_plot(title: str, x: str, y: str, traces: list[Plot], **layout: Any) -> Plot:
    """Return a figure with titled axes; no text has a colour: the page sets those by scheme."""
    axes = {"xaxis": {"title": x}, "yaxis": {"title": y}}
    return {"title": title, "data": traces, "layout": {"height": 300, **layout, **axes}}


def make_curve(name: str, x: list[Any], y: list[Any], text: list[str], **look: Any) -> Plot:
    """Return a curve with a text for each point."""
    base = {"type": "scatter", "name": name, "x": x, "y": y, "text": text}
    return {**base, "mode": "lines+markers", **look}


def plot_history(history: History) -> list[Plot]:
    """Return a figure for each panel, and the rate-distortion path."""
    made = []
    for panel in arrange_panels(history):
        pairs = zip(panel.names, panel.colours, strict=True)
        traces = [
            trace_series(name, history.series[name], history.axis, colour)
            for name, colour in pairs
        ]
        made.append(plot_panel(panel, history.axis, traces))
    plane = plot_plane(history)
    return [*made, plane] if plane else made


def plot_panel(panel: Panel, axis: str, traces: list[Plot]) -> Plot:
    """Return the figure of one panel, whose curves are read together at one x."""
    plot = make_plot(panel.title, axis, panel.unit, traces, hovermode="x")
    plot["layout"]["xaxis"]["whole"] = True
    values = {y for trace in traces for y in trace["y"]}
    level = values.pop() if len(values) == 1 else None
    if level is not None and level > 0:  # else a constant 0.001 is drawn between -1 and 1
        plot["layout"]["yaxis"]["range"] = [0, 1.25 * level]
    return plot


def trace_series(name: str, series: Series, axis: str, colour: str) -> Plot:
    """Return one curve; NaN and infinity are gaps, because JSON has no word for them."""
    x = series.x if axis == "epoch" else [float(step) for step in series.step]
    y = [value if math.isfinite(value) else None for value in series.value]
    text = [
        f"epoch {at:.4g}, step {step:,}" if axis == "epoch" else f"step {step:,}"
        for at, step in zip(x, series.step, strict=True)
    ]
    mode = "lines" if len(x) > 2 else "lines+markers"
    return make_curve(name, x, y, text, mode=mode, colour=colour)


def plot_plane(history: History) -> Plot | None:
    """Return distortion against rate, epoch after epoch: where on the trade-off a run settled."""
    split = next(
        (s for s in ("val", "train") if {f"{s}/rate", f"{s}/distortion"} <= history.series.keys()),
        None,
    )
    if split is None:
        return None
    rate, distortion = (history.series[f"{split}/{name}"] for name in ("rate", "distortion"))
    by_step = dict(zip(distortion.step, distortion.value, strict=True))
    points = [
        (r, by_step[step], x)
        for step, r, x in zip(rate.step, rate.value, rate.x, strict=True)
        if step in by_step and math.isfinite(r) and math.isfinite(by_step[step])
    ]
    if len(points) < 2:
        return None
    rates, distortions, times = (list(column) for column in zip(*points, strict=True))
    scale = {"stops": VIRIDIS, "low": times[0], "high": times[-1], "reversed": False}
    trace = make_curve(
        split,
        rates,
        distortions,
        [f"rate {r:.5g}, distortion {d:.5g}\n{history.axis} {t:.4g}" for r, d, t in points],
        showlegend=False,
        colour=FAINT,
        width=1,
        colours=times,
        scale={**scale, "shown": True, "title": history.axis, "whole": True},
    )
    title = f"Path through the rate-distortion plane ({split})"
    return make_plot(title, "rate, nats", "distortion, nats", [trace])


def plot_evaluation(evaluation: Mapping[str, Any]) -> list[Plot]:
    """Return the figures that an evaluation has numbers for."""
    v = Values(evaluation)
    return [plot for plot in (_plot_bound(v), _plot_spectrum(v)) if plot]


def _plot_bound(v: Values) -> Plot | None:
    """Return the upper bound on the code length, falling with k; None for fewer than two k."""
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
    trace = make_curve(
        "bound",
        ks,
        values,
        [f"k = {k:,}: {y:.5g}" for k, y, _ in known],
        error=[2 * e if e > 0 else 0 for e in errors],
        colour=TRAIN,
        showlegend=False,
    )
    plot = make_plot(f"{metric.title} by k, \u00b1 2 standard errors", "k", metric.unit, [trace])
    plot["layout"]["xaxis"] |= {"type": "log", "tickvals": ks, "ticktext": [f"{k:,}" for k in ks]}
    return plot


def _plot_spectrum(v: Values) -> Plot | None:
    """Return bars by latent dimension, the largest first; active ones have their own colour."""
    variance, rates = (v.numbers(f"latents.spectrum.{name}") for name in ("variance", "kl"))
    threshold, values = v.number("latents.spectrum.threshold"), rates or variance
    metric = METRICS[f"latents.spectrum.{'kl' if rates else 'variance'}"]
    given = v.at("latents.spectrum.names")
    named = isinstance(given, list) and len(given) == len(values)
    names = [str(name) for name in given] if named else [f"z{dim}" for dim in range(len(values))]
    if not values or len(variance) != len(values) or threshold is None:
        return None
    order = sorted(range(len(values)), key=lambda dim: -values[dim])
    shown = [(f"active, Var[E[z|x]] > {threshold:g}", TRAIN, True), ("not active", IDLE, False)]
    traces = []
    for title, colour, active in shown:
        bars = [(r, d) for r, d in enumerate(order, 1) if (variance[d] > threshold) == active]
        if bars:
            trace = {
                "type": "bar",
                "name": f"{len(bars)} {title}",
                "x": [rank for rank, _ in bars],
                "y": [values[dim] for _, dim in bars],
                "text": [
                    f"{names[dim]}: {values[dim]:.4g} {metric.unit}\nvariance of its mean "
                    f"{variance[dim]:.3g}"
                    for _, dim in bars
                ],
                "colour": colour,
            }
            traces.append(trace)
    sorted_dims = "latent dimensions, sorted"
    whose = " of the top layer" if v.at("latents.layers") else ""
    title = f"{metric.title} by latent dimension{whose}"
    plot = make_plot(title, sorted_dims, metric.unit, traces, hovermode="band")
    plot["layout"]["xaxis"] |= {"grid": False, "range": [0.4, len(order) + 0.6]}
    if len(order) <= MOST_NAMES:
        ticks = {"tickvals": [*range(1, len(order) + 1)], "ticktext": [names[d] for d in order]}
        plot["layout"]["xaxis"] |= ticks
    return plot
