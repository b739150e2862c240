"""Floor 8: what is said of a rank that could not say it itself, and of its run."""

import json
import signal
import time
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from vael import lastwords
from vael.config.yaml import read_yaml
from vael.early import StoppedEarly, exit_code
from vael.errors import VaelError
from vael.files import write_json
from vael.lastwords import LastWords
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


def of(rank: int, code: int, stderr: Path, asked: int | None) -> LastWords:
    """The last words of a rank that was killed, or left Python without a word.

    Args:
        rank: which one.
        code: its exit code; minus the signal's number where it was killed.
        stderr: what it printed, where that was kept.
        asked: the signal that we have passed on to it, if any.
    """
    tail = _tail(stderr)
    if asked is not None and code in (-asked, exit_code(asked)):
        return lastwords.of(StoppedEarly(asked), rank)
    if code < 0:
        name = signal.Signals(-code).name
        message = f"killed by signal {-code} ({name})"
        if -code == signal.SIGKILL:  # it had no time to say anything
            tail, message = "", f"{message}, by hand or by the kernel when memory ran out"
        code = 128 - code
    else:
        message = f"ended with exit code {code}"
    last = tail.strip().splitlines()[-1:]
    return LastWords(
        rank, time.time(), ": ".join([message, *last]), code, clear=False, traceback=tail
    )


def _tail(path: Path, most: int = 4000) -> str:
    """The end of a text file, in whole lines."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    cut = text if len(text) <= most else text[-most:].partition("\n")[2]
    return cut if not cut or cut.endswith("\n") else cut + "\n"


def write(folder: Path, words: LastWords, seconds: float) -> None:
    """Completes train.log, summary.json and the report with what a run has died of."""
    first_said = any(one.rank == 0 for one in lastwords.heard(folder, time.time() - seconds - 5))
    if words.rank == 0 and first_said and _own(folder, seconds):
        return  # the first rank has written all of this itself
    try:
        with (folder / "train.log").open("a") as log:
            log.write(
                f"{time.strftime('%Y-%m-%d %H:%M:%S')} ERROR {words.told()}\n{words.traceback}"
            )
        summary = _summary(folder, seconds)
        summary["status"] = "interrupted" if words.code in (130, 143) else "failed"
        summary["reason"] = words.told()
        write_json(folder / "summary.json", summary)
        config = read_yaml(folder / "config.yaml")
        if OmegaConf.select(config, "report", default=True):
            write_report(folder)
    except (OSError, VaelError):
        pass  # a full disk must not hide what the run has died of


def _summary(folder: Path, seconds: float) -> dict[str, Any]:
    """Of this attempt: the first rank's own, or its draft with what metrics.csv says.

    Without a draft nothing was trained: what an attempt before has said still holds.
    """
    draft = folder / lastwords.FOLDER / "summary.json"
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
    """Steps, epochs and the scores of the best epoch, as far as they were written."""
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
