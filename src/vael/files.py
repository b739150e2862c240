"""Floor 0: files that are always whole: the old one or the new one."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from vael.errors import DiskError
from vael.exhausted import FULL, behind

UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")  # what write_bytes calls a file in the making


def write_bytes(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Writes beside the target, flushes to the disk, then renames over it.

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
        cause = behind(error, OSError)  # torch hides the disk's own behind an error of its own
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
    """A file that keeps nothing but its length."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        pass


def _room(path: Path, cause: OSError, write: Callable[[BinaryIO], object]) -> str:
    """How much a full disk lacks; nothing of any other error."""
    if cause.errno not in FULL:
        return ""
    counter = _Counter()
    write(counter)  # type: ignore[arg-type]
    there = next(folder for folder in path.absolute().parents if folder.exists())
    free = shutil.disk_usage(there).free
    return f" (it needs {counter.size / 2**20:.3g} MiB, {free / 2**20:.3g} MiB are free)"


def make_folder(path: Path) -> None:
    """Makes a folder where there is none yet.

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
    """Removes what killed processes were writing in a folder and below, when nobody writes there.

    Not in folders of hidden names: those are not ours.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in filter(UNFINISHED.fullmatch, names):
            (Path(place) / name).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole."""
    write_bytes(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Writes a JSON file whole; NaN and infinities as null, which JSON can hold."""
    write_text(path, json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
