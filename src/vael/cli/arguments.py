"""Arguments that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

from vael.cli.completion import complete_run
from vael.runs.listing import resolve_run


def resolve_runs(given: list[Path]) -> list[Path]:
    """Return what a user means by several RUNs."""
    return [resolve_run(path) for path in given]


Run = Annotated[
    Path,
    typer.Argument(
        help="A run's folder, or latest; a checkpoint file.",
        callback=resolve_run,
        autocompletion=complete_run,
    ),
]
RunOnly = Annotated[
    Path,
    typer.Argument(
        help="A run's folder, or latest.", callback=resolve_run, autocompletion=complete_run
    ),
]
OtherData = Annotated[
    list[str] | None, typer.Argument(help="Other data of the same shape: data=..., data.path=...")
]
Which = Annotated[str, typer.Option("--checkpoint", help="Of a run's folder: best or last.")]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", help="A package of your own that a checkpoint's config may name."),
]
