"""Plot the curves of two runs in one figure, a colour for each run."""

from collections.abc import Sequence

from vael.report.charts import Plot, plot_panel, plot_plane, trace_series
from vael.report.contents import RunContents
from vael.report.panels import TRAIN, VAL, arrange_panels
from vael.runs.metrics_csv import History

COLOURS = {"A": TRAIN, "B": VAL}
DASHES = ("none", "6 4", "2 3")  # of the series of one panel, validation first


def overlay_plots(runs: Sequence[RunContents]) -> list[Plot]:
    """Return what either run has logged, panel by panel, and both paths in the plane.

    The curves are over epochs where both runs know them, else over optimiser steps.
    """
    histories = {name: run.history for name, run in zip(COLOURS, runs, strict=True)}
    logged = [history for history in histories.values() if history.series]
    axis = "epoch" if all(history.axis == "epoch" for history in logged) else "step"
    every = {name: series for history in logged for name, series in history.series.items()}
    made = []
    for panel in arrange_panels(History(every, axis)):
        traces = []
        ordered = sorted(panel.names, key=lambda name: not name.startswith("val/"))
        for name, dash in zip(ordered, DASHES, strict=False):
            for run, history in histories.items():
                series = history.series.get(name)
                if series is not None:
                    trace = trace_series(f"{run} {name}", series, axis, COLOURS[run])
                    traces.append({**trace, "dash": dash})
        made.append(plot_panel(panel, axis, traces))
    planes = {run: plot_plane(history) for run, history in histories.items()}
    drawn = {run: plane for run, plane in planes.items() if plane}
    if drawn:
        both = [_recolour(plane["data"][0], run) for run, plane in drawn.items()]
        plane = {**next(iter(drawn.values())), "data": both}
        made.append({**plane, "title": "Paths through the rate-distortion plane"})
    return made


def _recolour(trace: Plot, run: str) -> Plot:
    """Return the path in the run's colour, its last point the largest."""
    return {
        **{key: value for key, value in trace.items() if key not in ("scale", "colours")},
        "name": f"{run} {trace['name']}",
        "colour": COLOURS[run],
        "showlegend": True,
        "size": [5] * (len(trace["x"]) - 1) + [10],
        "text": [f"{run}: {text}" for text in trace["text"]],
    }
