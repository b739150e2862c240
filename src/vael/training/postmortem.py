"""Postmortem: complete summary.json, log and report of a run whose process was killed."""

import time
from pathlib import Path

from omegaconf import OmegaConf

from vael.config.yaml import read_yaml
from vael.distributed import failures
from vael.distributed.failures import Failure
from vael.errors import VaelError
from vael.report.page import write_report
from vael.runs.folder import RunFolder
from vael.runs.metrics_csv import EPOCH, read_rows
from vael.runs.summary import Summary, read_summary


def write_postmortem(folder: Path, failure: Failure, seconds: float) -> None:
    """Complete train.log, summary.json and the report with the root cause of a run's end."""
    recorded = failures.read_failures(folder, time.time() - seconds - 5)
    if failure.rank == 0 and any(one.rank == 0 for one in recorded) and _own(folder, seconds):
        return  # the first rank has written all of this itself
    run = RunFolder(folder)
    try:
        with run.log.open("a") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} ERROR {failure}\n{failure.traceback}")
        summary = _summary(folder, seconds)
        summary.status = "interrupted" if failure.code in (130, 143) else "failed"
        summary.reason = str(failure)
        summary.write(folder)
        config = read_yaml(run.config)
        if OmegaConf.select(config, "report", default=True):
            write_report(folder)
    except (OSError, VaelError):
        pass  # a full disk must not hide what the run has died of


def _summary(folder: Path, seconds: float) -> Summary:
    """Return the summary of this attempt: its own, or its draft completed from metrics.csv.

    Without a draft nothing was trained: what an attempt before has said still holds.
    """
    notes = folder / failures.FOLDER
    draft, before = read_summary(notes), read_summary(folder)
    if before is not None and (_own(folder, seconds) or draft is None):
        return Summary.of(before)
    found = Summary.of(draft or {})
    if draft is None:
        config = read_yaml(RunFolder(folder).config)
        found.seed, found.command = config.seed, config.command
        found.devices = config.trainer.devices * config.trainer.num_nodes
    found.seconds += seconds
    _take_progress(folder, found)
    return found


def _own(folder: Path, seconds: float) -> bool:
    """Return whether the first rank has written a summary of this attempt."""
    own = RunFolder(folder).summary
    return own.exists() and own.stat().st_mtime > time.time() - seconds


def _take_progress(folder: Path, summary: Summary) -> None:
    """Take steps, epochs and the scores of the best epoch, as far as they were written."""
    run = RunFolder(folder)
    rows = read_rows(run.metrics)
    scored = [row for row in rows.values() if summary.target in row]
    summary.steps = max(rows, default=summary.steps)
    if scored:
        summary.take_scores(scored)
        summary.epochs = int(scored[-1][EPOCH]) + 1
        summary.best_checkpoint = run.name_of(run.best) if run.best.exists() else None
