"""Floor 10: the records that travel between a study, its workers and their processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


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
    """What one worker may use.

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
