"""Run one training: fit or continue, test, draw, sum up."""

import logging
import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytorch_lightning as pl

from vael.config.flat import flat_config
from vael.distributed import failures, ownership, ranks
from vael.distributed.lightning import is_first, leave_process_group
from vael.distributed.processes import keep_freed_memory
from vael.distributed.signals import Stopped
from vael.distributed.slurm import requeue_self
from vael.errors import DiskError, NonFiniteLoss, OutOfMemory, VaelError, translate_resource_errors
from vael.files import remove_unfinished
from vael.report.figures import draw_curves
from vael.report.page import write_report
from vael.report.pictures import save_picture
from vael.runs.checkpoint import load_checkpoint
from vael.runs.creation import discard_run
from vael.runs.example_scores import write_example_scores
from vael.runs.folder import read_config
from vael.runs.metrics_csv import read_history
from vael.runs.summary import ENDED, Summary, summary_text
from vael.training.announcement import announce_run
from vael.training.callbacks.anomaly import locate_nan_gradient
from vael.training.log import write_log
from vael.training.postmortem import write_postmortem
from vael.training.run import Run
from vael.training.setup import prepare_run
from vael.training.summarize import begin_summary, complete_summary, find_breach
from vael.training.trainer import make_pictures, make_trainer

log = logging.getLogger("vael")
FACTS = ("command", "status", "reason", "best_epoch", "epochs", "steps", "seconds", "parameters")


def train(folder: Path, discard_on_error: bool = False) -> None:
    """Train what ``folder/config.yaml`` says, or continue it, to the end.

    Args:
        folder: the run's folder.
        discard_on_error: remove the folder again if the run turns out to be impossible before
            its first step.

    Raises:
        ConfigError: the folder is none, or its config or data cannot work.
        CheckpointError: ``last.ckpt`` cannot be used.
        OutOfMemory: an allocation failed; summary.json says so.
        DiskError: a disk is full; the run can go on later.
        NonFiniteLoss: the loss became NaN or infinite; summary.json says where.
        Evicted: a sweep has given the folder to another process.
        Stopped: a signal stopped the run; it is saved, and summary.json says interrupted.
        KeyboardInterrupt: the user stopped it twice: at once, without saving.
    """
    config = read_config(folder)
    keep_freed_memory()
    with write_log(folder), warnings.catch_warnings(), translate_resource_errors():
        _quiet()
        with _told_or_discarded(folder, discard_on_error):
            run = prepare_run(folder, config)
            trainer = make_trainer(run)
            ownership.check_ownership(folder)
        if _is_ruled_out(run):
            return
        with run.stop:  # also while it sums up: torchrun terminates the ranks that lose another
            with _told_or_discarded(folder, discard_on_error):
                _announce(run, trainer)
            try:
                _go(run, trainer)
                leave_process_group()
            except Stopped as error:
                leave_process_group()
                if error.number == signal.SIGUSR1 and is_first() and requeue_self():
                    log.info("SLURM has queued this job again: it continues by itself")
                raise


@contextmanager
def _told_or_discarded(folder: Path, discard: bool) -> Iterator[None]:
    """Of an error before the first step leave a summary, or nothing of the folder."""
    started = time.time()
    try:
        with translate_resource_errors():
            yield
    except ownership.Evicted:
        raise  # not a word more
    except Exception as error:
        if discard and isinstance(error, VaelError):
            discard_run(folder, is_first())
        elif is_first():
            write_postmortem(folder, failures.describe_error(error, 0), time.time() - started)
        raise


def _is_ruled_out(run: Run) -> bool:
    """Tell whether a sweep's bound on the size rules a run out; then leave a summary of it."""
    breach = find_breach(run.config, run.lit)
    if breach is not None and is_first():
        log.info("not trained: %s", breach)
        summary = begin_summary(run.config, run.placement, run.lit, run.data)
        summary.status, summary.reason = "pruned", breach
        summary.write(run.folder)
    return breach is not None


def _announce(run: Run, trainer: pl.Trainer) -> None:
    """Say what is about to be trained, and open the board."""
    saved = load_checkpoint(run.files.last) if run.files.last.exists() else {}
    run.clock.start(saved)
    if not is_first():
        return
    remove_unfinished(run.folder)
    announce_run(run)
    if saved:
        log.info("continuing from %s at step %d", run.files.last, saved["global_step"])
    board_logs = run.board.open(run.folder, flat_config(run.config))
    if board_logs:
        trainer.loggers = [run.csv, *board_logs]
        run.board.catch_up(run.csv.by_step())


def _go(run: Run, trainer: pl.Trainer) -> None:
    """Fit, test, draw, sum up; leave a true summary.json whatever happens."""
    summary = begin_summary(run.config, run.placement, run.lit, run.data)
    summary.seconds = run.clock.before
    if is_first() and ranks.SUPERVISED in os.environ:  # to go on from, should this one be killed
        summary.write(run.folder / failures.FOLDER)
    try:
        with translate_resource_errors():
            _fit(run, trainer)
        summary.reason = run.prune.reason
        summary.status = "finished" if summary.reason is None else "pruned"
    except ownership.Evicted:
        raise  # not a word more
    except (NonFiniteLoss, OutOfMemory, Stopped, DiskError) as error:
        goes_on = isinstance(error, Stopped | DiskError)
        summary.status, summary.reason = "interrupted" if goes_on else "failed", str(error)
        raise
    except KeyboardInterrupt:
        summary.status, summary.reason = "interrupted", "stopped by the user (SIGINT)"
        raise
    except BaseException as error:
        summary.status = "failed"
        summary.reason = failures.explain_error(run.folder, error)
        log.info("the run failed", exc_info=True)  # for train.log; the terminal gets it anyway
        raise
    finally:
        if is_first() and ownership.is_owned(run.folder):
            summary.seconds = run.clock.seconds()
            _finish(run, trainer, summary)


def _fit(run: Run, trainer: pl.Trainer) -> None:
    resume = str(run.files.last) if run.files.last.exists() else None
    try:
        with locate_nan_gradient(trainer):
            trainer.fit(run.lit, run.data, ckpt_path=resume, weights_only=True)
    except SystemExit as error:  # Lightning turns Ctrl-C into exit(1)
        if trainer.interrupted:
            raise KeyboardInterrupt from error
        raise
    # Not by ckpt_path: from there the averaging callback would restore the raw weights.
    run.lit.load_state_dict(load_checkpoint(run.files.best)["state_dict"])
    if run.prune.reason is None and run.tests:
        trainer.test(run.lit, run.data, verbose=False)


def _quiet() -> None:
    """Ignore Lightning's hints about settings that are meant as they are."""
    for text in (
        ".*number of training batches.*smaller than the logging interval.*",
        ".*Checkpoint directory .* exists and is not empty.*",
        ".*srun. command is available.*",
        ".*GPU available but not used.*",
        ".*does not have many workers.*",
        ".*treespec, LeafSpec.*",
        ".*broadcast_buffers. is deprecated.*",
        ".*all_gather is deprecated.*",
        ".*sync_dist=True.*",
    ):  # the scores are already the same on all devices
        warnings.filterwarnings("ignore", text)


def _finish(run: Run, trainer: pl.Trainer, summary: Summary) -> None:
    """Write pictures, the board, summary and report, as far as the run got.

    With the summary a run is finished; what a kill leaves undone after it is made up for by
    `vael.report.page.complete_report`.
    """
    said = len(run.lit.warnings)
    complete_summary(summary, run.csv, trainer, run.lit, run.files)
    for line in summary_text(asdict(summary)).splitlines():
        log.info(line)
    for text in summary.warnings[said:]:
        log.warning(text)
    trained = summary.status in ENDED
    try:
        try:
            run.csv.save()
            if run.lit.test_scores:
                write_example_scores(run.folder, run.lit.test_scores)
            if trained:
                _draw(run, trainer.global_step)
        except DiskError as error:  # to be continued: the pictures are missing
            summary.status, summary.reason, trained = "interrupted", str(error), False
            raise
        finally:
            run.board.facts({name: getattr(summary, name) for name in FACTS})
            run.board.close(summary.metrics, trained)
    finally:
        summary.write(run.folder)
    if run.reports:
        write_report(run.folder)


def _draw(run: Run, step: int) -> None:
    run.lit.to("cpu")
    make_pictures(run).draw(run.lit, step)
    if run.reports:
        images = run.files.images
        curves = save_picture(draw_curves(read_history(run.csv.path)), images / "curves.png")
        run.board.pictures({"curves": curves}, step)
