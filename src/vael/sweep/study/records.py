"""Records that travel between a study, its workers and their processes."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from vael.files import write_json
from vael.text import count_text

ATTEMPTS = "attempts"  # the file in a trial's folder


def trial_folder(sweep: Path, number: int) -> Path:
    """Return the folder of a trial's run."""
    return sweep / "trials" / f"{number:04d}"


@dataclass(frozen=True)
class Claim:
    """A worker's right to work on one trial, held by the lease in its folder.

    Attributes:
        kind: a trial of the study, or a run of the best configuration on a fresh seed.
        number: the trial's number in the study, or the confirmation's.
        folder: has ``config.yaml``; after an earlier attempt also ``checkpoints/last.ckpt``.
        attempt: 1 for the first.
    """

    kind: Literal["trial", "confirmation"]
    number: int
    folder: Path
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """How one attempt at a claim ended.

    Attributes:
        kind: ``complete``: finished, its scores are in summary.json. ``pruned``: the pruner asked
            it to stop and it did. ``failed``: it cannot succeed (NaN, out of memory, a
            combination that cannot be built). ``lost``: its process died of something else
            (kill -9, a node); another attempt goes on from last.ckpt. ``stopped``: the worker was
            asked to stop; the trial waits.
        reason: one line, None where there is nothing to explain.
    """

    kind: Literal["complete", "pruned", "failed", "lost", "stopped"]
    reason: str | None = None


@dataclass(frozen=True)
class Slot:
    """Devices and threads of one worker.

    Attributes:
        devices: what CUDA_VISIBLE_DEVICES is set to, or None to leave it alone.
        num_devices: ``trainer.devices`` of each trial.
        threads: CPU threads of each process of a trial.
    """

    devices: str | None
    num_devices: int
    threads: int


@dataclass(frozen=True)
class Wait:
    """Nothing to do now, but others still work, and may lose a trial: ask again in a second."""


@dataclass(frozen=True)
class Attempts:
    """How often a trial was begun and how often it was lost, kept in its folder.

    Attributes:
        begun: how often a worker took it up.
        lost: how often its process or its worker died; being asked to stop is no loss.
        reason: of the last loss.
    """

    begun: int = 0
    lost: int = 0
    reason: str | None = None


def read_attempts(folder: Path) -> Attempts:
    """Read the attempts at a trial; none where its folder is new."""
    try:
        return Attempts(**json.loads((folder / ATTEMPTS).read_text()))
    except (OSError, ValueError, TypeError):
        return Attempts()


def count_attempt(folder: Path) -> int:
    """Count one more attempt and return its number."""
    before = read_attempts(folder)
    write_json(folder / ATTEMPTS, asdict(replace(before, begun=before.begun + 1)))
    return before.begun + 1


def count_loss(folder: Path, reason: str, retries: int) -> str | None:
    """Count a loss; return why the trial has failed where it was one too many, else None."""
    before = read_attempts(folder)
    lost = before.lost + 1
    write_json(folder / ATTEMPTS, asdict(replace(before, lost=lost, reason=reason)))
    return None if lost <= retries else f"lost {count_text(lost, 'time')}: {reason}"
