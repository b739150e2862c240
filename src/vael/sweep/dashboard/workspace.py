"""A wandb workspace as code: the panels of a project or a study.

The panels name what runs log (``vael.training.module``, ``vael.training.callbacks.pictures``)
and the dotted names of the config.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vael.errors import ConfigError
from vael.metrics.catalog import describe_metric

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2.interface import ParallelCoordinatesPlotColumn, ScatterPlot
    from wandb_workspaces.workspaces import RunsetSettings, Workspace

PARAMETERS = (
    "model.latent_dim",
    "objective.beta",
    "optimizer.lr",
    "likelihood",
    "likelihood.scale",
    "likelihood.fit",
)
CURVES = (
    ("val/bpd",),
    ("train/rate", "val/rate"),
    ("train/distortion", "val/distortion"),
    ("train/beta",),
    ("train/elbo", "val/elbo"),
    ("val/active_units",),
)
MEDIA = ("reconstructions", "samples", "traversal")


@dataclass(frozen=True)
class ShownStudy:
    """Study that a workspace shows.

    Attributes:
        study: the group of the runs; None shows all runs, grouped by study.
        target: the score that is searched for.
        minimize: whether less of it is better.
        parameters: dotted names that are searched over.
        logarithmic: those of them whose axis is logarithmic.
    """

    study: str | None = None
    target: str = "val/bpd"
    minimize: bool = True
    parameters: Sequence[str] = PARAMETERS
    logarithmic: frozenset[str] = frozenset({"model.latent_dim", "objective.beta", "optimizer.lr"})


def make_workspace(entity: str, project: str, shown: ShownStudy) -> "Workspace":
    """Make the workspace without the network; the same each time.

    Raises:
        ConfigError: wandb-workspaces is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its own use of pydantic
            import wandb_workspaces.workspaces as ws
    except ImportError as error:
        raise ConfigError(
            "vael dashboard --wandb needs wandb-workspaces: pip install wandb-workspaces."
        ) from error
    sections = []
    for number, (name, panels, columns) in enumerate(_panels(shown)):
        for place, panel in enumerate(panels):
            panel._id = f"vael-{number}-{place}"  # else random: no two files would be alike
        layout = ws.SectionLayoutSettings(columns=columns, rows=-(-len(panels) // columns))
        sections.append(ws.Section(name=name, panels=panels, is_open=True, layout_settings=layout))
    return ws.Workspace(
        entity=entity,
        project=project,
        name=f"vael: {shown.study or 'all studies'}",
        sections=sections,
        settings=ws.WorkspaceSettings(x_axis="epoch", max_runs=60),
        runset_settings=_runs(shown),
    )


def _runs(shown: ShownStudy) -> "RunsetSettings":
    """Select all runs by study, or the runs of one study, the best first."""
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces import expr

    order = [expr.Ordering(expr.Summary(shown.target), ascending=shown.minimize)]
    group = expr.Metric("Group")
    if shown.study is None:
        return ws.RunsetSettings(groupby=[group], order=order)
    return ws.RunsetSettings(filters=expr.And(group == shown.study), order=order)


def _panels(shown: ShownStudy) -> list[tuple[str, list[Any], int]]:
    """List the sections: a name, its panels, and how many stand beside each other."""
    import wandb_workspaces.reports.v2 as wr

    curves = []
    for names in CURVES:
        metric = describe_metric(names[0])
        title = f"{metric.title}, {metric.unit}" if metric.unit else metric.title
        curves.append(wr.LinePlot(title=title, x="epoch", y=list(names), title_x="epoch"))
    target = wr.SummaryMetric(shown.target)
    columns = [make_flat_column(name, name in shown.logarithmic) for name in shown.parameters]
    columns.append(
        wr.ParallelCoordinatesPlotColumn(
            metric=target, display_name=shown.target, inverted=shown.minimize
        )
    )
    search = [
        wr.ParallelCoordinatesPlot(title=f"Parameters and {shown.target}", columns=columns),
        wr.ParameterImportancePlot(with_respect_to=shown.target),
    ]
    plane = wr.ScatterPlot(
        title="Distortion against rate, coloured by likelihood",
        x=wr.SummaryMetric("val/rate"),
        y=wr.SummaryMetric("val/distortion"),
        z=wr.Config("likelihood"),
        legend_template="${run:displayName}: ${config:likelihood.value}",
    )
    slices = [
        make_flat_scatter(f"{shown.target} over {name}", name, shown.target, shown.target)
        for name in shown.parameters
        if name in shown.logarithmic
    ]
    latent, active = "model.latent_dim", "val/active_units"
    activity = make_flat_scatter("Active units over latent size", latent, active, shown.target)
    media = [
        wr.MediaBrowser(title=name.capitalize(), media_keys=[name], num_columns=1)
        for name in MEDIA
    ]
    return [
        ("Curves", curves, 3),
        ("Parameters", search, 2),
        ("Slices", [*slices, activity], 2),
        ("Rate and distortion", [plane], 1),
        ("Pictures", media, len(MEDIA)),
    ]


def make_flat_scatter(title: str, x: str, y: str, colour: str) -> "ScatterPlot":
    """Make the points of a score over a config key on a log axis; see `make_flat_column`."""
    import wandb_workspaces.reports.v2 as wr
    from wandb_workspaces.reports.v2 import internal

    class Flat(wr.ScatterPlot):  # type: ignore[misc]
        def _to_model(self) -> internal.ScatterPlot:
            made = super()._to_model()
            made.config.x_axis = f"config:{x}.value"
            return made

    return Flat(
        title=title,
        x=wr.Config(x),
        y=wr.SummaryMetric(y),
        z=wr.SummaryMetric(colour),
        log_x=True,
        legend_template="${run:displayName}",
    )


def make_flat_column(name: str, log: bool) -> "ParallelCoordinatesPlotColumn":
    """Make the column of a config key.

    The names of a vael config are flat and hold dots, ``{"model.latent_dim": 16}``: there wandb's
    ``.value`` stands at the end (`wandb_workspaces.expr.groupby_str_to_key`), while the library
    would put it behind the first dot, as if the config were nested.
    """
    import wandb_workspaces.reports.v2 as wr
    from wandb_workspaces.reports.v2 import internal

    class Flat(wr.ParallelCoordinatesPlotColumn):  # type: ignore[misc]
        def _to_model(self) -> internal.Column:
            made = super()._to_model()
            made.accessor = f"config:{name}.value"
            return made

    return Flat(metric=wr.Config(name), display_name=name, log=log)
