"""``vael dashboard``: a study in the browser, here or on wandb."""

from pathlib import Path
from typing import Annotated

import typer

from vael.errors import ConfigError

SWEEPS = Path("outputs/sweeps")


def dashboard(
    sweep: Annotated[
        Path | None,
        typer.Argument(help="A sweep's file or folder; default: the only one there is."),
    ] = None,
    host: Annotated[str, typer.Option(help="What to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one.")] = 8080,
    wandb: Annotated[
        str | None, typer.Option(metavar="ENTITY/PROJECT", help="Save a wandb workspace instead.")
    ] = None,
    study: Annotated[str | None, typer.Option(help="With --wandb: of this study alone.")] = None,
    output: Annotated[
        Path, typer.Option(help="With --wandb: what is written where nobody is logged in.")
    ] = Path("outputs/wandb_workspace.json"),
) -> None:
    """Look at a study with optuna-dashboard, without an account; or make a wandb workspace.

    The local one only looks: a sweep that is under way is not disturbed.
    """
    from vael.sweep.dashboard.find import find_sweep

    if wandb is None:
        if study is not None:
            raise ConfigError("--study goes with --wandb: without it, give the sweep's folder.")
        from vael.sweep.dashboard.server import serve_dashboard

        serve_dashboard(find_sweep(sweep, SWEEPS), host, port)
        return
    from vael.sweep.dashboard.publish import describe_study, parse_place, publish_workspace

    entity, project = parse_place(wandb)
    folder = find_sweep(sweep, SWEEPS) if sweep else None
    if study and not folder and (SWEEPS / study / "sweep.yaml").is_file():
        folder = SWEEPS / study
    print(publish_workspace(entity, project, describe_study(study, folder), output))
