"""Failure records: why each process of a run ended, kept in RUN/.ranks, and their root cause."""

import json
import signal
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from vael.distributed import ownership
from vael.distributed.signals import StoppedEarly, exit_code
from vael.errors import VaelError
from vael.files import write_json

FOLDER = ".ranks"
IMPOSSIBLE = "impossible"  # left by a rank that found, before its first step, that it cannot be


@dataclass(frozen=True)
class Failure:
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

    def __str__(self) -> str:
        """Return the message, with the rank unless it is a clear one of the first."""
        plain = self.early or (self.clear and self.rank == 0)
        return self.message if plain else f"rank {self.rank}: {self.message}"


def describe_error(error: BaseException, rank: int) -> Failure:
    """Return the failure of a process that ends with this error."""
    now = time.time()
    if isinstance(error, VaelError):
        return Failure(rank, now, str(error), error.exit_code, clear=True)
    if isinstance(error, StoppedEarly):
        return Failure(rank, now, str(error), exit_code(error.number), clear=True, early=True)
    if isinstance(error, KeyboardInterrupt):
        return Failure(rank, now, "interrupted", 130, clear=True)
    code = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1
    text = "".join(traceback.format_exception(error))
    message = " ".join(f"{type(error).__name__}: {error}".split())
    return Failure(rank, now, message, code, clear=False, traceback=text)


def describe_exit(rank: int, code: int, stderr: Path, asked: int | None) -> Failure:
    """Return the failure of a rank that was killed, or left Python without a record.

    Args:
        rank: which one.
        code: its exit code; minus the signal's number where it was killed.
        stderr: what it printed, where that was kept.
        asked: the signal that was passed on to it, if any.
    """
    if asked is not None and code in (-asked, exit_code(asked)):
        return describe_error(StoppedEarly(asked), rank)
    # one that got SIGKILL had no time to say anything
    tail = "" if code == -signal.SIGKILL else _read_tail(stderr)
    message = describe_signal(-code) if code < 0 else f"ended with exit code {code}"
    message = ": ".join([message, *tail.strip().splitlines()[-1:]])
    code = 128 - code if code < 0 else code
    return Failure(rank, time.time(), message, code, clear=False, traceback=tail)


def describe_signal(number: int) -> str:
    """Say which signal killed a process, and who may have sent it."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    sender = ", by hand or by the kernel when memory ran out" if number == signal.SIGKILL else ""
    return f"killed by signal {number} ({name}){sender}"


def record_failure(folder: Path, failure: Failure) -> None:
    """Write a failure down, where that is possible: a full disk must not hide the error itself."""
    if folder.is_dir() and ownership.is_owned(folder):
        with suppress(VaelError):
            write_json(folder / FOLDER / f"rank_{failure.rank}.json", asdict(failure))


def clear_failure(folder: Path, rank: int) -> None:
    """Remove what this rank recorded in an earlier attempt."""
    (folder / FOLDER / f"rank_{rank}.json").unlink(missing_ok=True)


def read_failures(folder: Path, since: float) -> list[Failure]:
    """Return all failures recorded since then, the earliest first."""
    found = []
    for path in (folder / FOLDER).glob("rank_*.json"):
        try:
            failure = Failure(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            continue  # not ours, or just being removed
        if failure.at >= since:
            found.append(failure)
    return sorted(found, key=lambda failure: failure.at)


def find_root_cause(failures: Iterable[Failure]) -> Failure | None:
    """Return the first failure: the others died of it; rank 0 speaks for all who agree with it."""
    ordered = list(failures)
    if not ordered:
        return None
    first = ordered[0]
    zero = [one for one in ordered if one.rank == 0 and one.clear and one.code == first.code]
    return zero[0] if zero and first.clear else first


def explain_error(folder: Path, error: BaseException) -> str:
    """Say why the first process's run failed: by its own error, or by a rank that it lost."""
    others = find_root_cause(read_failures(folder, since=0))
    if others:
        return str(others)
    own = f"{type(error).__name__}: {error}"
    lost = any(backend in own for backend in ("gloo", "NCCL"))
    return f"another rank was lost, see what its launcher says: {own}" if lost else own


def mark_impossible(folder: Path) -> None:
    """Leave a note for the supervisor that this run cannot start."""
    (folder / FOLDER).mkdir(exist_ok=True)
    (folder / FOLDER / IMPOSSIBLE).touch()


def is_impossible(folder: Path) -> bool:
    """Return whether a rank has noted that this run cannot start."""
    return (folder / FOLDER / IMPOSSIBLE).exists()


def _read_tail(path: Path, most: int = 4000) -> str:
    """Return the end of a text file, in whole lines."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    cut = text if len(text) <= most else text[-most:].partition("\n")[2]
    return cut if not cut or cut.endswith("\n") else cut + "\n"
