"""Write files atomically, make folders, and lock files between processes."""

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from vael.errors import DISK_FULL, ConfigError, DiskError, find_cause

UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")  # what write_bytes calls a file in the making


def expand_home(path: str | Path) -> Path:
    """Return a path whose ``~`` or ``~USER`` at its start is that home folder.

    Raises:
        ConfigError: nobody knows that user, or where home is.
    """
    found = os.path.expanduser(path)
    if found.startswith("~"):
        raise ConfigError(
            f"no home folder is known for {str(path)!r}: write the whole path, or ./{path} if the "
            "~ belongs to its name"
        )
    return Path(found)


def write_bytes(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside the target, flush to the disk, then rename over it.

    Args:
        path: the target.
        write: writes to an open file; called once more, to be counted, where the disk is full.

    Raises:
        DiskError: the disk is full or the folder cannot be written; the old file still stands.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            write(file)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except Exception as error:
        cause = find_cause(error, OSError)  # torch hides the disk's own behind an error of its own
        if cause is None:
            raise
        if temporary is not None:  # before we look how much is free
            temporary.unlink(missing_ok=True)
        raise DiskError(
            f"cannot write {path}: {cause.strerror or cause}{_room(path, cause, write)}. Free "
            "some space or make the folder writable, then continue the run."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


class _Counter:
    """Count the bytes of a file that is not kept."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        pass


def _room(path: Path, cause: OSError, write: Callable[[BinaryIO], object]) -> str:
    """Say how much a full disk lacks; nothing of any other error."""
    if cause.errno not in DISK_FULL:
        return ""
    counter = _Counter()
    write(counter)  # type: ignore[arg-type]
    there = next(folder for folder in path.absolute().parents if folder.exists())
    free = shutil.disk_usage(there).free
    return f" (it needs {counter.size / 2**20:.3g} MiB, {free / 2**20:.3g} MiB are free)"


def make_folder(path: Path) -> None:
    """Make a folder where there is none yet.

    Raises:
        DiskError: it cannot be made.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise DiskError(
            f"cannot make {path}: {error.strerror or error}. Free some space or make "
            "the folder writable, then continue the run."
        ) from error


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes were writing in a folder and below, when nobody writes there.

    Not in folders of hidden names: those are not ours.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in filter(UNFINISHED.fullmatch, names):
            (Path(place) / name).unlink(missing_ok=True)


def lock_file(file: int | IO[Any], wait: bool = True) -> bool:
    """Take an exclusive flock; the kernel frees it when its holder closes the file or dies.

    Args:
        file: an open file, or its descriptor.
        wait: for another process that holds it.

    Returns:
        Whether it was taken; False only where another process holds it and ``wait`` is off.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[float]:
    """Hold the lock of a file that processes and nodes share.

    Yields:
        The time now by the clock of the file system, which all nodes share.
    """
    with path.open("ab") as file:
        lock_file(file)
        os.utime(path)
        yield path.stat().st_mtime


def append_lines(path: Path, text: str) -> None:
    """Add whole lines to a file that one process at a time writes.

    Raises:
        DiskError: the disk is full or the folder cannot be written; a half-written line is cut
            off by the next one that adds.
    """
    try:
        with path.open("ab") as file:
            cut_half_line(path)
            file.write(text.encode())
    except OSError as error:
        raise DiskError(
            f"cannot write {path}: {error.strerror or error}. Free some space or make the folder "
            "writable, then continue the run."
        ) from error


def cut_half_line(path: Path) -> None:
    """Cut off a last line without its end, which a dying writer has left."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return
        start = max(0, size - 2**20)
        file.seek(start)
        file.truncate(start + file.read().rfind(b"\n") + 1)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_bytes(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write a JSON file atomically; NaN and infinities as null, which JSON can hold."""
    write_text(path, json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
