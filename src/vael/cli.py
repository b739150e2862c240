"""Floor 11: the ``vael`` command; torch is imported only by the verbs that need it."""

import os
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated

import typer

from vael.arguments import Allow, OtherData
from vael.dashboard.cli import dashboard
from vael.distributed import failures, ownership, ranks, signals
from vael.distributed.failures import Failure
from vael.distributed.ranks import Rank
from vael.distributed.supervisor import supervise
from vael.errors import VaelError, one_line, translate_resource_errors
from vael.explore.cli import explore
from vael.export.cli import export
from vael.generate.cli import generate
from vael.runs.creation import discard, vanished
from vael.runs.evaluation_file import as_text as evaluation_as_text
from vael.runs.folder import RunFolder, read_size
from vael.runs.summary import ENDED, as_text, read_summary
from vael.sweep import cli as sweep
from vael.training.postmortem import write_postmortem

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Variational autoencoders with numbers that can be compared.",
)


app.add_typer(sweep.app, name="sweep")
app.command()(dashboard)
app.command()(explore)
app.command()(generate)
app.command()(export)
app.command(hidden=True)(sweep.sweep_node)
app.command(hidden=True)(sweep.sweep_worker)


@app.callback()
def root() -> None:
    """Variational autoencoders with numbers that can be compared."""


@app.command()
def train(
    run: Annotated[Path, typer.Argument(help="A run's folder: it has a config.yaml.")],
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Repeat a finished run beside it, and compare the two to the bit."
        ),
    ] = False,
    discard_on_error: Annotated[
        bool, typer.Option(hidden=True, help="Remove the folder if the run cannot start.")
    ] = False,
) -> None:
    """Train what RUN/config.yaml says, or continue an unfinished run from its last.ckpt."""
    try:
        if again:
            _repeat(run)
        else:
            _train(run, discard_on_error)
    finally:
        signals.disarm()


def _repeat(run: Path) -> None:
    """Exit code 0 if the repeated run is the same to the bit, else 1."""
    if ranks.find_rank() is not None:
        raise VaelError("--again is for one process: it starts the others, and compares.")
    signals.arm()
    from vael.again import as_text as again_as_text
    from vael.again import begin

    repeated = begin(run)
    print(f"repeating {run} in {repeated}")
    _train(repeated, discard_on_error=not RunFolder(repeated).has_trained)
    text, same = again_as_text(run, repeated)
    print(text)
    raise SystemExit(not same)


def _train(run: Path, discard_on_error: bool) -> None:
    """Keeps others away from the folder, and leaves a true summary of an early end there."""
    speaks = ranks.is_first_rank() and ranks.SUPERVISED not in os.environ
    try:
        signals.arm()
        with ownership.own_folder(run) if speaks else nullcontext():
            _train_alone(run, discard_on_error)
    except signals.StoppedEarly as stop:
        if speaks and RunFolder(run).is_run and ownership.is_owned(run):
            write_postmortem(run, failures.describe_error(stop, 0), seconds=0.0)
            stop.tell()
            stop.requeue()
        raise


def _train_alone(run: Path, discard_on_error: bool) -> None:
    devices, num_nodes = read_size(run)
    rank = ranks.find_rank()
    ranks.check_ranks(rank, devices, num_nodes)
    before = read_summary(run)
    if before is not None and before["status"] in ENDED:
        if not ranks.is_first_rank():
            return
        from vael.report.page import complete

        signals.disarm()
        complete(run)
        why = f" ({before['reason']})" if before["reason"] else ""
        print(f"{run} is {before['status']}{why}; another run: {before['command']}")
    elif rank is None and devices * num_nodes > 1:

        def on_failure(failure: Failure, seconds: float) -> None:
            if discard_on_error and failures.is_impossible(run):
                discard(run, ranks.is_first_rank())
            elif ranks.is_first_rank():
                write_postmortem(run, failure, seconds)

        code = supervise(run, devices, num_nodes, on_failure)
        if code or not ranks.is_first_rank():
            raise SystemExit(code)
        return  # the first rank has told
    else:
        run_rank(rank, run, discard_on_error)
        if not ranks.is_first_rank():
            return
    summary = read_summary(run)
    assert summary is not None
    print(as_text(summary))
    if (page := RunFolder(run).report).exists():
        print(f"report  {page.resolve()}")


def run_rank(rank: Rank | None, run: Path, discard_on_error: bool) -> None:
    """Train as this rank, or alone; of several processes, the first to fail speaks for all."""
    if rank is not None:
        os.environ.update(rank.environment())
        failures.clear_failure(run, rank.rank)
    try:
        with signals.stop_on_lost_signal():
            from vael.distributed.lightning_import import import_lightning

            import_lightning()
            from vael.training.fit import train as train_run

            train_run(run, discard_on_error)
    except signals.StoppedEarly as stop:
        if rank is not None:
            failures.record_failure(run, failures.describe_error(stop, rank.rank))
        raise
    except BaseException as error:
        if rank is None:
            raise
        own = failures.describe_error(error, rank.rank)
        failures.record_failure(run, own)
        if ranks.SUPERVISED in os.environ or (discard_on_error and rank.rank and vanished(run)):
            raise SystemExit(own.code) from None  # who started us tells, or the first rank does
        cause = failures.root_cause(failures.read_failures(run, since=0)) or own
        if cause == own and not own.clear:
            raise
        if cause == own or rank.rank == 0:
            print(f"vael: {cause}", file=sys.stderr)
        raise SystemExit(own.code) from None


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="A run's or a sweep's folder, or two runs'.")],
    output: Annotated[
        Path | None, typer.Option(help="Of two runs; by default RUN_A/report_vs_<NAME_B>.html.")
    ] = None,
) -> None:
    """Write RUN/report.html anew from what is in the folder, or a page about two runs."""
    from vael.report.page import write_report

    if len(runs) > 2:
        raise VaelError(
            f"a report is about one run or two, got {len(runs)}: vael compare "
            "prints the scores of more."
        )
    if len(runs) == 2:
        from vael.versus.page import write_versus

        print(write_versus(runs[0], runs[1], output).resolve())
        return
    (run,) = runs
    if output is not None:
        raise VaelError("--output is for two runs: of one the report is RUN/report.html.")
    if (run / "sweep.yaml").is_file():
        from vael.sweep.report.page import write_sweep_report
        from vael.sweep.study.study import Study

        print(write_sweep_report(Study.open(run)).resolve())
        return
    RunFolder(run).require()
    print(write_report(run).resolve())


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run's folder, or a checkpoint file.")],
    overrides: OtherData = None,
    split: Annotated[str, typer.Option(help="test, val or train.")] = "test",
    samples: Annotated[int, typer.Option(help="Importance samples per example.")] = 1000,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    devices: Annotated[
        int, typer.Option(help="GPUs, or CPU processes: as many cores, as many times as fast.")
    ] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
    allow: Allow = None,
) -> None:
    """Score RUN's best weights thoroughly: RUN/evaluation.json, and a section of its report."""
    signals.block()  # in the middle of an import, torch would swallow Ctrl-C, and numpy with it
    from vael.evaluation.evaluate import Request
    from vael.evaluation.evaluate import evaluate as evaluate_run

    request = Request(
        run,
        split,  # type: ignore[arg-type]
        samples,
        device,
        devices,
        tuple(overrides or ()),
        threads,
        tuple(allow or ()),
    )
    try:
        signals.unblock()
        result = evaluate_run(request)
    except KeyboardInterrupt:  # typer would end without a word
        print(f"vael: interrupted; {request.output} is as it was", file=sys.stderr)
        raise SystemExit(130) from None
    print(evaluation_as_text(result))
    print(f"numbers {request.output.resolve()}")
    if run.is_dir():
        report([run])


@app.command()
def verify(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Where the data is now: data.path=...")
    ] = None,
    max_seconds: Annotated[
        float, typer.Option(help="Make evaluation.json again, too, if that took no longer.")
    ] = 60,
) -> None:
    """Score RUN's checkpoint again: exit code 0 if all numbers are the same, else 1."""
    from vael.evaluation.verified import as_text as verification_as_text
    from vael.evaluation.verify import verify as verify_run

    verification = verify_run(run, overrides or (), max_seconds)
    print(verification_as_text(run, verification))
    raise SystemExit(not verification.same)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of two runs or more.")],
) -> None:
    """Print the scores of several runs side by side, if they may be compared."""
    from vael.evaluation.compare import side_by_side

    print(side_by_side(runs))


@app.command()
def nondeterminism(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="What to train: as for python train.py.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs for each of the streams.")] = 10,
    folder: Annotated[
        Path, typer.Option(help="Of the runs and the result; again: goes on.")
    ] = Path("outputs/nondeterminism"),
) -> None:
    """Train small models that vary one stream of randomness at a time: where does it sit?"""
    from vael.nondeterminism import as_text as spreads_as_text
    from vael.nondeterminism import study

    result = study(folder, overrides or (), seeds)
    print(spreads_as_text(result))
    print(f"picture {(folder / 'nondeterminism.png').resolve()}")
    if result["spreads"]["none"]["std"]:
        raise VaelError(
            "the runs that vary nothing differ, so this machine does not repeat a "
            f"run: vael train {folder}/none/00 --again says where it first differs."
        )


@app.command(hidden=True)
def fork_server(
    descriptor: Annotated[int, typer.Argument(help="Of a socket to the worker.")],
) -> None:
    """Fork the trials of the worker that starts this."""
    from vael.sweep.workers.forkserver import serve

    serve(descriptor, main)


def main() -> None:
    """Runs the command; a user's mistake ends in one line."""
    try:
        with translate_resource_errors():
            app()
    except VaelError as error:
        with suppress(OSError):  # a full disk must not hide the code
            print(f"vael: {one_line(error)}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except signals.StoppedEarly as stop:
        stop.tell()
        raise
    except KeyboardInterrupt:
        print("vael: interrupted", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
