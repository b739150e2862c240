"""Floor 0: what each process of a run said when it died, for those that outlive it to tell."""

import json
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from vael import tenure
from vael.early import StoppedEarly, exit_code
from vael.errors import VaelError
from vael.files import write_json

FOLDER = ".ranks"


@dataclass(frozen=True)
class LastWords:
    """Why a process ended.

    Attributes:
        at: seconds since 1970.
        code: its exit code.
        clear: whether the message is meant for users, and needs no traceback.
        early: whether a signal stopped it before its first step.
    """

    rank: int
    at: float
    message: str
    code: int
    clear: bool
    traceback: str = ""
    early: bool = False

    def told(self) -> str:
        """The message, with the rank where it was not the first's clear word."""
        plain = self.early or (self.clear and self.rank == 0)
        return self.message if plain else f"rank {self.rank}: {self.message}"


def of(error: BaseException, rank: int) -> LastWords:
    """The last words of a process that ends with this error."""
    if isinstance(error, VaelError):
        return LastWords(rank, time.time(), str(error), error.exit_code, clear=True)
    if isinstance(error, StoppedEarly):
        return LastWords(
            rank, time.time(), str(error), exit_code(error.number), clear=True, early=True
        )
    if isinstance(error, KeyboardInterrupt):
        return LastWords(rank, time.time(), "interrupted", 130, clear=True)
    code = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1
    text = "".join(traceback.format_exception(error))
    message = " ".join(f"{type(error).__name__}: {error}".split())
    return LastWords(rank, time.time(), message, code, clear=False, traceback=text)


def leave(folder: Path, words: LastWords) -> None:
    """Writes them down, where that is possible: a full disk must not hide the error itself."""
    if folder.is_dir() and tenure.held(folder):
        with suppress(VaelError):
            write_json(folder / FOLDER / f"rank_{words.rank}.json", asdict(words))


def forget(folder: Path, rank: int) -> None:
    """Removes what this rank said in an earlier attempt."""
    (folder / FOLDER / f"rank_{rank}.json").unlink(missing_ok=True)


def heard(folder: Path, since: float) -> list[LastWords]:
    """All last words since then, the earliest first."""
    found = []
    for path in (folder / FOLDER).glob("rank_*.json"):
        try:
            words = LastWords(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            continue  # not ours, or just being removed
        if words.at >= since:
            found.append(words)
    return sorted(found, key=lambda words: words.at)


def cause(words: Iterable[LastWords]) -> LastWords | None:
    """The one that the others died of: the earliest; rank 0 speaks for all who agree with it."""
    ordered = list(words)
    if not ordered:
        return None
    earliest = ordered[0]
    zero = [one for one in ordered if one.rank == 0 and one.clear and one.code == earliest.code]
    return zero[0] if zero and earliest.clear else earliest


def reason(folder: Path, error: BaseException) -> str:
    """Why the first process's run failed: its own error, or that of the rank that it lost."""
    others = cause(heard(folder, since=0))
    if others:
        return others.told()
    own = f"{type(error).__name__}: {error}"
    lost = any(backend in own for backend in ("gloo", "NCCL"))
    return f"another rank was lost, see what its launcher says: {own}" if lost else own
