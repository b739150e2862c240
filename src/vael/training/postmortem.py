"""Postmortem: complete summary.json, log and report of a run whose process was killed."""

import json
import time
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from vael.config.yaml import read_yaml
from vael.distributed import failures
from vael.distributed.failures import Failure
from vael.errors import VaelError
from vael.files import write_json
from vael.metrics.catalog import Target
from vael.report.page import write_report
from vael.rows import read_rows
from vael.status import read_summary

EMPTY: dict[str, Any] = {
    "status": "failed",
    "reason": None,
    "metrics": {},
    "target": None,
    "samples": {},
    "epochs": 0,
    "steps": 0,
    "seconds": 0.0,
    "examples_per_second": None,
    "parameters": None,
    "seed": None,
    "devices": None,
    "accelerator": None,
    "threads": None,
    "data_digest": None,
    "git_sha": None,
    "versions": {},
    "command": "",
    "best_checkpoint": None,
    "best_epoch": None,
    "warnings": [],
}


def write_postmortem(folder: Path, failure: Failure, seconds: float) -> None:
    """Complete train.log, summary.json and the report with the root cause of a run's end."""
    recorded = failures.read_failures(folder, time.time() - seconds - 5)
    if failure.rank == 0 and any(one.rank == 0 for one in recorded) and _own(folder, seconds):
        return  # the first rank has written all of this itself
    try:
        with (folder / "train.log").open("a") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} ERROR {failure}\n{failure.traceback}")
        summary = _summary(folder, seconds)
        summary["status"] = "interrupted" if failure.code in (130, 143) else "failed"
        summary["reason"] = str(failure)
        write_json(folder / "summary.json", summary)
        config = read_yaml(folder / "config.yaml")
        if OmegaConf.select(config, "report", default=True):
            write_report(folder)
    except (OSError, VaelError):
        pass  # a full disk must not hide what the run has died of


def _summary(folder: Path, seconds: float) -> dict[str, Any]:
    """Return the summary of this attempt: its own, or its draft completed from metrics.csv.

    Without a draft nothing was trained: what an attempt before has said still holds.
    """
    draft = folder / failures.FOLDER / "summary.json"
    before = read_summary(folder)
    if before is not None and (_own(folder, seconds) or not draft.exists()):
        return before
    found = dict(EMPTY)
    if draft.exists():
        found |= json.loads(draft.read_text())
    else:
        config = read_yaml(folder / "config.yaml")
        found["seed"], found["command"] = config.seed, config.command
        found["devices"] = config.trainer.devices * config.trainer.num_nodes
    found["seconds"] += seconds
    return found | _progress(folder, found["target"])


def _own(folder: Path, seconds: float) -> bool:
    """Whether the first rank has written a summary of this attempt."""
    own = folder / "summary.json"
    return own.exists() and own.stat().st_mtime > time.time() - seconds


def _progress(folder: Path, target: str | None) -> dict[str, Any]:
    """Return steps, epochs and the scores of the best epoch, as far as they were written."""
    rows = [{"step": step, **row} for step, row in read_rows(folder / "metrics.csv").items()]
    scored = [row for row in rows if target in row]
    if not scored:
        return {"steps": int(rows[-1]["step"])} if rows else {}
    best = Target(str(target)).best(scored)
    checkpoint = "checkpoints/best.ckpt"
    return {
        "steps": int(rows[-1]["step"]),
        "epochs": int(scored[-1]["epoch"]) + 1,
        "metrics": {k: v for k, v in best.items() if k not in ("step", "epoch")},
        "best_epoch": int(best["epoch"]),
        "best_checkpoint": checkpoint if (folder / checkpoint).exists() else None,
    }
