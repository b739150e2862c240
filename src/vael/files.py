"""Floor 0: files that are always whole: the old one or the new one."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from vael.errors import VaelError


def write_bytes(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Writes beside the target, flushes to the disk, then renames over it.

    Raises:
        VaelError: the disk is full or the folder cannot be written; the old file still stands.
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
    except OSError as error:
        raise VaelError(f"cannot write {path}: {error.strerror or error}. Free some space or "
                        "make the folder writable, then continue the run.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


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
