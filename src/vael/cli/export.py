"""``vael export``: a trained model to take elsewhere."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vael.cli.arguments import Allow, Run, Which


def export(
    run: Run,
    form: Annotated[
        str,
        typer.Option(
            "--format", help="safetensors: for vael.load. onnx: encoder and decoder by themselves."
        ),
    ] = "safetensors",
    output: Annotated[
        Path | None,
        typer.Option(help="A folder that does not exist yet. Default: RUN/export/FORMAT."),
    ] = None,
    license_name: Annotated[
        str,
        typer.Option("--license", help="Of the weights, for the card: apache-2.0, cc-by-4.0, ..."),
    ] = "unknown",
    checkpoint: Which = "best",
    allow: Allow = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
) -> None:
    """Write a folder with the trained model, its config and a model card."""
    from vael.pretrained.export.export import export_model
    from vael.runs.folder import describe_unfinished

    note = describe_unfinished(run)
    if note:
        print(f"note: {note}", file=sys.stderr)
    made = export_model(run, form, output, license_name, checkpoint, tuple(allow or ()), force)
    print(made.resolve())
