"""``vael train``: a new run, or one from its folder: continued, extended, or repeated."""

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from vael.cli.completion import complete_train
from vael.distributed import failures, ownership, ranks, signals
from vael.distributed.crowding import check_crowding
from vael.distributed.failures import Failure
from vael.distributed.ranks import Rank
from vael.distributed.supervisor import supervise
from vael.errors import ConfigError, VaelError
from vael.runs.creation import discard_run, is_gone
from vael.runs.extension import EPOCHS, extended
from vael.runs.folder import RunFolder, read_run_size
from vael.runs.listing import resolve_run
from vael.runs.summary import ENDED, read_summary, summary_text
from vael.text import word_command
from vael.training.launch import launch
from vael.training.postmortem import write_postmortem


def train(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN | SETTING=VALUE ...]",
            help="A run to go on with, or the settings of a new one.",
            autocompletion=complete_train,
        ),
    ] = None,
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
    """Train a new run, or go on with one.

    vael train SETTING=VALUE ... makes a run. vael train RUN continues it from its last.ckpt;
    trainer.max_epochs=N behind it trains longer.
    """
    run, more = _split(words or [])
    if run is None:
        if again:
            raise ConfigError("--again repeats a run: vael train RUN --again.")
        launch(more, ["vael", "train"])
        return  # of --help and the like
    try:
        if again:
            _repeat(run)
        else:
            with extended(run, more):
                _train(run, discard_on_error)
    finally:
        signals.disarm()


def _split(words: list[str]) -> tuple[Path | None, list[str]]:
    """Split words into a run, where the first one names it, and the others."""
    first = words[0] if words else ""
    if not first or first[0] in "-+~" or ("=" in first and not RunFolder(Path(first)).is_run):
        return None, words
    run = resolve_run(Path(first))
    if not run.is_dir():
        raise ConfigError(
            f"{first} is neither a run's folder nor a setting (name=value): vael list shows the "
            "runs, vael train --help the settings."
        )
    return run, words[1:]


def _repeat(run: Path) -> None:
    """Repeat the run; exit with 0 if the two are the same to the bit, else with 1."""
    if ranks.find_rank() is not None:
        raise VaelError("--again is for one process: it starts the others, and compares.")
    signals.arm()
    from vael.evaluation.repeat import prepare_repeat, repeat_text

    repeated = prepare_repeat(run)
    print(f"repeating {run} in {repeated}")
    _train(repeated, discard_on_error=not RunFolder(repeated).has_trained)
    text, same = repeat_text(run, repeated)
    print(text)
    raise SystemExit(not same)


def _train(run: Path, discard_on_error: bool) -> None:
    """Keep others away from the folder, and leave a true summary of an early end there."""
    speaks = ranks.is_first_rank() and ranks.SUPERVISED not in os.environ
    try:
        signals.arm()
        with ownership.own_folder(RunFolder(run).config) if speaks else nullcontext():
            _train_alone(run, discard_on_error)
    except signals.StoppedEarly as stop:
        if speaks and RunFolder(run).is_run and ownership.is_owned(run):
            write_postmortem(run, failures.describe_error(stop, 0), seconds=0.0)
            stop.tell()
            stop.requeue()
        raise


def _train_alone(run: Path, discard_on_error: bool) -> None:
    devices, num_nodes = read_run_size(run)
    rank = ranks.find_rank()
    ranks.check_ranks(rank, devices, num_nodes)
    before = read_summary(run)
    if before is not None and before["status"] in ENDED:
        if not ranks.is_first_rank():
            return
        from vael.report.page import complete_report

        signals.disarm()
        RunFolder(run).require()
        complete_report(run)
        why = f" ({before['reason']})" if before["reason"] else ""
        longer = f"; longer: {word_command('vael', 'train', run)} {EPOCHS}=N" if not why else ""
        print(f"{run} is {before['status']}{why}{longer}; another run: {before['command']}")
    elif rank is None and devices * num_nodes > 1:
        check_crowding(devices)

        def on_failure(failure: Failure, seconds: float) -> None:
            if discard_on_error and failures.is_impossible(run):
                discard_run(run, ranks.is_first_rank())
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
    print(summary_text(summary))
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
        if ranks.SUPERVISED in os.environ or (discard_on_error and rank.rank and is_gone(run)):
            raise SystemExit(own.code) from None  # who started us tells, or the first rank does
        cause = failures.find_root_cause(failures.read_failures(run, since=0)) or own
        if cause == own and not own.clear:
            raise
        if cause == own or rank.rank == 0:
            print(f"vael: {cause}", file=sys.stderr)
        raise SystemExit(own.code) from None
