"""Lay out what a run has logged in panels."""

from dataclasses import dataclass

from vael.metrics.catalog import METRICS
from vael.runs.metrics_csv import History

TRAIN, VAL = "#3f90da", "#e76300"
# Ten colours that people with any colour vision can tell apart (Petroff 2021, arXiv:2107.02270),
# its darkest two made lighter for dark pages.
PALETTE = (
    "#3f90da", "#ffa90e", "#d4351c", "#94a4a2", "#9b51d0",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
AXES = {"bits/dim": "bits / dimension", "nats": "nats / example"}  # units as an axis says them


@dataclass(frozen=True)
class Panel:
    """One plot: a title, the unit of its vertical axis, and the series that it shows."""

    title: str
    unit: str
    names: tuple[str, ...]

    @property
    def colours(self) -> list[str]:
        """A colour for each series: by split where splits are compared, else all different."""
        if len(self.names) > 1 and len({name.split("/")[0] for name in self.names}) == 1:
            return list(PALETTE[: len(self.names)])
        return [VAL if name.startswith("val/") else TRAIN for name in self.names]


def arrange_panels(history: History) -> list[Panel]:
    """Return the plots that a history has values for, most important first."""
    names = list(history.series)
    rates = tuple(n for n in names if n.split("/")[-1].lower().startswith(("lr", "learning_rate")))
    terms = ("train/loss", "train/distortion", "train/rate")
    wanted = [
        _compare_splits("bpd"),
        _compare_splits("elbo"),
        Panel("Training loss and its terms", AXES[METRICS["loss"].unit], terms),
        _compare_splits("distortion", ", the cost of reconstruction"),
        _compare_splits("rate", ", the information in z"),
        Panel("Weight of the rate", "beta", ("train/beta",)),
        Panel("Learning rate", "learning rate", rates),
    ]
    present = [
        Panel(p.title, p.unit, tuple(n for n in p.names if n in history.series)) for p in wanted
    ]
    return [panel for panel in present if panel.names]


def _compare_splits(name: str, what: str = "") -> Panel:
    metric = METRICS[name]
    return Panel(metric.title + what, AXES[metric.unit], (f"train/{name}", f"val/{name}"))
