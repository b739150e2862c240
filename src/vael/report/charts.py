"""The figures of a page: plain dictionaries that ``plot.js`` draws, in its words alone."""

import math
from typing import Any

from vael.report.panels import Panel, arrange_panels
from vael.runs.metrics_csv import History

Plot = dict[str, Any]
FAINT = "rgba(128,136,146,0.5)"
VIRIDIS = (
    (0.0, "#440154"),
    (0.25, "#3b528b"),
    (0.5, "#21918c"),
    (0.75, "#5ec962"),
    (1.0, "#fde725"),
)


def plot_history(history: History) -> list[Plot]:
    """A figure (``title``, ``data``, ``layout``) for each panel, and the rate-distortion path.

    No text has a colour: the page sets those, once for each scheme.
    """
    made = []
    for panel in arrange_panels(history):
        traces = []
        for name, colour in zip(panel.names, panel.colours, strict=True):
            series = history.series[name]
            traces.append(
                trace_series(name, series.x, series.value, series.step, history.axis, colour)
            )
        made.append(plot_panel(panel, history.axis, traces))
    plane = plot_plane(history)
    return [*made, plane] if plane else made


def plot_panel(panel: Panel, axis: str, traces: list[Plot]) -> Plot:
    """The figure of one panel with these curves in it."""
    plot = make_plot(panel.title, axis, panel.unit, traces)
    plot["layout"]["xaxis"]["whole"] = True
    values = {y for trace in traces for y in trace["y"]}
    level = values.pop() if len(values) == 1 else None
    if level is not None and level > 0:  # else a constant 0.001 is drawn between -1 and 1
        plot["layout"]["yaxis"]["range"] = [0, 1.25 * level]
    return plot


def trace_series(
    name: str, x: list[float], y: list[float], steps: list[int], axis: str, colour: str
) -> Plot:
    """One curve; NaN and infinity are gaps, because JSON has no word for them."""
    said = [
        f"epoch {at:.4g}, step {step:,}" if axis == "epoch" else f"step {step:,}"
        for at, step in zip(x, steps, strict=True)
    ]
    return {
        "type": "scatter",
        "name": name,
        "x": x,
        "y": [_json(value) for value in y],
        "text": said,
        "mode": "lines" if len(x) > 2 else "lines+markers",
        "colour": colour,
    }


def plot_plane(history: History) -> Plot | None:
    """Distortion against rate, epoch after epoch: where on the trade-off the run has settled."""
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
    scale = {
        "stops": VIRIDIS,
        "low": times[0],
        "high": times[-1],
        "reversed": False,
        "shown": True,
        "title": history.axis,
        "whole": True,
    }
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": split,
        "x": rates,
        "y": distortions,
        "text": [
            f"rate {r:.5g}, distortion {d:.5g}\n{history.axis} {t:.4g}" for r, d, t in points
        ],
        "showlegend": False,
        "colour": FAINT,
        "width": 1,
        "colours": times,
        "scale": scale,
    }
    plot = make_plot(
        f"Path through the rate-distortion plane ({split})",
        "rate, nats",
        "distortion, nats",
        [trace],
    )
    del plot["layout"]["hovermode"]
    return plot


def make_plot(title: str, x: str, y: str, traces: list[Plot]) -> Plot:
    """A figure with titled axes, whose curves are read together at one x."""
    return {
        "title": title,
        "data": traces,
        "layout": {"height": 300, "hovermode": "x", "xaxis": {"title": x}, "yaxis": {"title": y}},
    }


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None
