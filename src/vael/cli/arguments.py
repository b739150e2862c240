"""Arguments that several commands take."""

from typing import Annotated

import typer

OtherData = Annotated[
    list[str] | None, typer.Argument(help="Other data of the same shape: data=..., data.path=...")
]
Which = Annotated[str, typer.Option("--checkpoint", help="Of a run's folder: best or last.")]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", help="A package of your own that a checkpoint's config may name."),
]
