"""``vael evaluate``, ``verify``, ``compare``, ``nondeterminism``: numbers measured again."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from vael.cli.arguments import Allow, OtherData, Run, RunOnly, resolve_runs
from vael.cli.completion import complete_run
from vael.cli.report import report
from vael.distributed import signals
from vael.errors import VaelError
from vael.runs.evaluation_file import evaluation_text
from vael.text import word_command


def evaluate(
    run: Run,
    overrides: OtherData = None,
    split: Annotated[str, typer.Option(help="test, val or train.")] = "test",
    samples: Annotated[int, typer.Option(help="Importance samples per example.")] = 1000,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    devices: Annotated[
        int, typer.Option(help="GPUs, or CPU processes: as many cores, as many times as fast.")
    ] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
    factors: Annotated[
        bool, typer.Option("--factors", help="Refuse data that has no scores of known factors.")
    ] = False,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Settings of other data, data=... data.path=...: is an example one of RUN's?"
        ),
    ] = None,
    allow: Allow = None,
) -> None:
    """Score RUN's best weights thoroughly: RUN/evaluation.json, and a section of its report."""
    signals.block()  # in the middle of an import, torch would swallow Ctrl-C, and numpy with it
    from vael.evaluation.evaluate import evaluate_run
    from vael.evaluation.request import EvaluationRequest

    request = EvaluationRequest(
        run,
        split,  # type: ignore[arg-type]
        samples,
        device,
        devices,
        tuple(overrides or ()),
        threads,
        tuple(allow or ()),
        factors,
        tuple(word for setting in against or () for word in shlex.split(setting)),
    )
    try:
        signals.unblock()
        result = evaluate_run(request)
    except KeyboardInterrupt:  # typer would end without a word
        print(f"vael: interrupted; {request.output} is as it was", file=sys.stderr)
        raise SystemExit(130) from None
    print(evaluation_text(result))
    print(f"numbers {request.output.resolve()}")
    if run.is_dir():
        report([run])


def verify(
    run: RunOnly,
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Where the data is now: data.path=...")
    ] = None,
    max_seconds: Annotated[
        float, typer.Option(help="Make evaluation.json again, too, if that took no longer.")
    ] = 60,
    by_file: Annotated[
        bool,
        typer.Option(
            "--by-file", help="Compress the test split instead: is the file as long as -ELBO?"
        ),
    ] = False,
) -> None:
    """Score RUN's checkpoint again: exit code 0 if all numbers are the same, else 1."""
    if by_file:
        _verify_by_file(run, overrides or ())
    from vael.cli.verify_text import verification_text
    from vael.evaluation.verify import verify_run

    verification = verify_run(run, overrides or (), max_seconds)
    print(verification_text(run, verification))
    raise SystemExit(not verification.same)


def _verify_by_file(run: Path, overrides: Sequence[str]) -> NoReturn:
    from vael.cli.compression_text import file_verification_text
    from vael.evaluation.verify_file import verify_by_file

    found = verify_by_file(run, overrides)
    print(file_verification_text(run, found))
    raise SystemExit(not found.same)


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of two runs or more.", callback=resolve_runs, autocompletion=complete_run
        ),
    ],
) -> None:
    """Print the scores of several runs side by side, if they may be compared."""
    from vael.runs.comparison import compare_runs

    print(compare_runs(runs))


def nondeterminism(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="What to train: as for vael train.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs for each of the streams.")] = 10,
    folder: Annotated[
        Path, typer.Option(help="Of the runs and the result; again: goes on.")
    ] = Path("outputs/nondeterminism"),
) -> None:
    """Train small models that vary one stream of randomness at a time: where does it sit?"""
    from vael.evaluation.seed_variance import measure_seed_variance, seed_variance_text

    result = measure_seed_variance(folder, overrides or (), seeds)
    print(seed_variance_text(result))
    print(f"picture {(folder / 'nondeterminism.png').resolve()}")
    if result["spreads"]["none"]["std"]:
        again = word_command("vael", "train", folder / "none" / "00", "--again")
        raise VaelError(
            "the runs that vary nothing differ, so this machine does not repeat a "
            f"run: {again} says where it first differs."
        )
