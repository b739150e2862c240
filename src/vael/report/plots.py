"""The curves of a run as plotly figures: plain dictionaries, themed by the page's own colours."""

import math
from typing import Any

from vael.report.history import History, panels

Plot = dict[str, Any]


def plots(history: History) -> list[Plot]:
    """A plotly figure (``data``, ``layout``) for each panel, and the rate-distortion path.

    The ground is transparent and no text has a colour: the page sets those, once for each scheme.
    """
    made = []
    for panel in panels(history):
        traces = []
        for name, colour in zip(panel.names, panel.colours, strict=True):
            series = history.series[name]
            traces.append(
                _line(name, series.x, series.value, series.step, history.axis, colour)
            )
        plot = blank_plot(panel.title, history.axis, panel.unit, traces)
        values = {y for trace in traces for y in trace["y"]}
        level = values.pop() if len(values) == 1 else None
        if level is not None and level > 0:  # else a constant 0.001 is drawn between -1 and 1
            plot["layout"]["yaxis"]["range"] = [0, 1.25 * level]
        made.append(plot)
    path = _path(history)
    return [*made, path] if path else made


def _line(
    name: str, x: list[float], y: list[float], steps: list[int], axis: str, colour: str
) -> Plot:
    """One curve; NaN and infinity are gaps, because JSON has no word for them."""
    name = name.replace("<", "&lt;")  # plotly reads a subset of HTML in its texts
    what = "epoch %{x:.4~g}, step %{customdata:,}" if axis == "epoch" else "step %{x:,}"
    return {
        "type": "scatter", "name": name, "x": x, "y": [_json(value) for value in y],
        "customdata": steps, "mode": "lines" if len(x) > 2 else "lines+markers",
        "line": {"color": colour, "width": 2},
        "hovertemplate": f"%{{y:.5~g}}  ({what})<extra>{name}</extra>",
    }


def _path(history: History) -> Plot | None:
    """Distortion against rate, epoch after epoch: where on the trade-off the run has settled."""
    split = next((s for s in ("val", "train")
                  if {f"{s}/rate", f"{s}/distortion"} <= history.series.keys()), None)
    if split is None:
        return None
    rate, distortion = (history.series[f"{split}/{name}"] for name in ("rate", "distortion"))
    by_step = dict(zip(distortion.step, distortion.value, strict=True))
    points = [(r, by_step[step], x) for step, r, x in
              zip(rate.step, rate.value, rate.x, strict=True)
              if step in by_step and math.isfinite(r) and math.isfinite(by_step[step])]
    if len(points) < 2:
        return None
    rates, distortions, times = (list(column) for column in zip(*points, strict=True))
    trace = {
        "type": "scatter", "mode": "lines+markers", "name": split, "x": rates, "y": distortions,
        "customdata": times, "showlegend": False,
        "line": {"color": "rgba(128,136,146,0.5)", "width": 1},
        "marker": {"color": times, "colorscale": "Viridis", "size": 7, "showscale": True,
                   "colorbar": {"title": {"text": history.axis}, "thickness": 10}},
        "hovertemplate": f"rate %{{x:.5~g}}, distortion %{{y:.5~g}}<br>{history.axis} "
        "%{customdata:.4~g}<extra></extra>",
    }
    plot = blank_plot(f"Path through the rate-distortion plane ({split})", "rate, nats",
                 "distortion, nats", [trace])
    plot["layout"]["hovermode"] = "closest"
    return plot


def blank_plot(title: str, x: str, y: str, traces: list[Plot]) -> Plot:
    """A figure with titled axes on a transparent ground."""
    clear = "rgba(0,0,0,0)"
    return {"title": title, "data": traces, "layout": {
        "paper_bgcolor": clear, "plot_bgcolor": clear, "hovermode": "x unified",
        "margin": {"l": 56, "r": 12, "t": 12, "b": 40}, "height": 300,
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        "xaxis": {"title": {"text": x, "standoff": 8}, "zeroline": False, "automargin": True},
        "yaxis": {"title": {"text": y, "standoff": 10}, "zeroline": False, "automargin": True},
    }}


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None
