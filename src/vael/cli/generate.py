"""``vael generate``: pictures, animations and arrays out of a trained model."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vael.cli.arguments import Allow, OtherData, Run, Which
from vael.cli.completion import complete_kind


def generate(
    run: Run,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="samples, reconstructions, traversal, interpolation, encodings, classes or "
            "imputations.",
            autocompletion=complete_kind,
        ),
    ],
    overrides: OtherData = None,
    count: Annotated[
        int | None,
        typer.Option(
            help="Samples, examples, columns of a traversal, pairs to interpolate, or draws of "
            "imputations (default: their mean)."
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            help="Of the noise and of the choice of examples: the same seed, the same bytes."
        ),
    ] = 0,
    temperature: Annotated[
        float,
        typer.Option(
            help="Factor on the noise behind z, or on the spread of the mixture's components."
        ),
    ] = 1.0,
    sampler: Annotated[
        str, typer.Option(help="prior, or mixture: Gaussians fitted to the encoded training data.")
    ] = "prior",
    components: Annotated[int, typer.Option(help="Of the mixture.")] = 10,
    path: Annotated[
        str, typer.Option(help="Of an interpolation: spherical or linear.")
    ] = "spherical",
    steps: Annotated[
        int, typer.Option(help="Frames or columns of a traversal or interpolation.")
    ] = 11,
    dims: Annotated[
        int, typer.Option(help="Latent dimensions of a traversal, the most active first.")
    ] = 8,
    split: Annotated[
        str, typer.Option(help="Where examples come from: test, val, train.")
    ] = "test",
    output: Annotated[
        Path | None,
        typer.Option(
            help="A .png, .gif, .npz or .csv that does not exist yet; samples of a table as a "
            ".csv are rows x ~ p(x|z). Default: "
            "RUN/generated/KIND, as a .png, traversals and interpolations as a .gif, encodings as "
            "an .npz, imputations as a .csv; that one is overwritten."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUTPUT.")] = False,
    label: Annotated[
        int | None, typer.Option(help="Of a conditional model: the class of all that is decoded.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(help="Of a model that is told numbers or categories: NAME=VALUE, each."),
    ] = None,
    checkpoint: Which = "best",
    allow: Allow = None,
) -> None:
    """Write what the trained model makes: PNG grids, GIFs, arrays (.npz) or a table (.csv)."""
    from vael.pretrained.generate.kinds import generate_file
    from vael.pretrained.generate.request import GenerateRequest
    from vael.runs.folder import describe_unfinished

    request = GenerateRequest(
        run,
        kind,
        count,
        seed,
        temperature,
        sampler,
        components,
        path,
        steps,
        dims,
        split,  # type: ignore[arg-type]
        output,
        force,
        tuple(overrides or ()),
        checkpoint,
        tuple(allow or ()),
        label,
        tuple(given or ()),
    )
    note = describe_unfinished(run)
    if note:
        print(f"note: {note}", file=sys.stderr)
    print(generate_file(request).resolve())
