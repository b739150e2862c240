"""``vael compress`` and ``vael decompress``: examples as a file of the size of the bound."""

from pathlib import Path
from typing import Annotated

import typer

from vael.cli.arguments import Allow, OtherData, Run, Which
from vael.runs.listing import resolve_run

Force = Annotated[bool, typer.Option("--force", help="Overwrite OUTPUT.")]


def compress(
    run: Run,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="train, val or test of the run's data; an .npy or .npz; a picture, or a folder "
            "of pictures.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A file that does not exist yet.")
    ],
    overrides: OtherData = None,
    force: Force = False,
    checkpoint: Which = "best",
    allow: Allow = None,
) -> None:
    """Write examples to a file of about -ELBO bits, by bits-back coding; lossless."""
    from vael.cli.compression_text import compression_text
    from vael.pretrained.compress.compress import CompressRequest, compress_file

    request = CompressRequest(
        run, data, output, force, tuple(overrides or ()), checkpoint, tuple(allow or ())
    )
    print(compression_text(compress_file(request)))
    print(output.resolve())


def decompress(
    file: Annotated[Path, typer.Argument(help="That vael compress wrote.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="An .npy or .npz that does not exist yet. Default: FILE's name."
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Where the model is now. Default: where it was.")
    ] = None,
    force: Force = False,
    allow: Allow = None,
) -> None:
    """Write the examples of FILE again, equal to the last level."""
    from vael.pretrained.compress.decompress import DecompressRequest, decompress_file

    place = None if run is None else resolve_run(run)
    request = DecompressRequest(file, output, force, place, tuple(allow or ()))
    shape = decompress_file(request)
    print(f"{shape[0]:,} examples of {' x '.join(map(str, shape[1:]))}, equal to the last level")
    print(request.target.resolve())
