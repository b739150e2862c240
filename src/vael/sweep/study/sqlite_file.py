"""The file of an SQLite storage: where it is, and why it cannot be one."""

import os
from pathlib import Path

from vael.errors import ConfigError
from vael.files import expand_home

MAGIC = b"SQLite format 3\0"  # how a database that is not empty begins
REMEDY = "give sqlite:///FILE with a file in a folder that exists and can be written, or journal."


def locate_file(database: str | None) -> Path:
    """Return the absolute path of the file that a URL names, ``~`` expanded.

    Raises:
        ConfigError: it names no file: memory is one process's own, ``file:`` is SQLite's own URI.
    """
    if database in (None, "", ":memory:") or database.startswith("file:"):
        raise ConfigError(
            f"storage must be a file that all workers can open, but SQLite's {database!r} is "
            f"none: {REMEDY}"
        )
    if not database.isprintable():
        raise ConfigError(f"storage must be a printable path, got {database!r}: {REMEDY}")
    return expand_home(database).resolve()


def check_file(path: Path) -> None:
    """Refuse a path where SQLite could not keep a study; nothing is made or changed.

    Raises:
        ConfigError: no folder, no regular file, another format, or no right to write.
    """
    try:
        cause = _find_cause(path)
    except OSError as error:
        cause = f"cannot be looked at ({error.strerror})"
    if cause:
        raise ConfigError(f"storage sqlite:///{path} cannot be used: {cause}; {REMEDY}")


def _find_cause(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if path.is_dir():
        return "it is a folder"
    if not path.exists():
        return "" if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written"
    if not path.is_file():
        return "it is no regular file"
    if not os.access(path, os.R_OK | os.W_OK):
        return "it cannot be read and written"
    with path.open("rb") as file:
        start = file.read(len(MAGIC))
    return "" if start in (b"", MAGIC) else "it is a file of another format, which stays as it is"
