"""Floor 10: how often a trial was begun and how often it was lost, kept in its folder."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from vael.files import write_json

NAME = "attempts"


@dataclass(frozen=True)
class Attempts:
    """Of one trial.

    Attributes:
        begun: how often a worker took it up.
        lost: how often its process or its worker died; being asked to stop is no loss.
        reason: of the last loss.
    """

    begun: int = 0
    lost: int = 0
    reason: str | None = None


def read(folder: Path) -> Attempts:
    """Of a folder; none where it is new."""
    try:
        return Attempts(**json.loads((folder / NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return Attempts()


def begin(folder: Path) -> int:
    """Counts one more and returns its number."""
    now = read(folder)
    now = replace(now, begun=now.begun + 1)
    write_json(folder / NAME, asdict(now))
    return now.begun


def lose(folder: Path, reason: str) -> Attempts:
    """Counts a loss."""
    now = read(folder)
    now = replace(now, lost=now.lost + 1, reason=reason)
    write_json(folder / NAME, asdict(now))
    return now
