"""Read the JSON files of a run, strictly or as far as possible."""

import json
from pathlib import Path
from typing import Any

from vael.errors import VaelError


def read_marked(path: Path, key: str, what: str, remedy: str) -> dict[str, Any] | None:
    """Read an object that must have this key; None where there is no file.

    Args:
        path: of the file.
        key: that vael always writes.
        what: the file is, in the message.
        remedy: what the user can do, in the message.

    Raises:
        VaelError: the file is not what vael writes.
    """
    if not path.exists():
        return None
    try:
        read = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise VaelError(f"{path} cannot be read ({error}): {remedy}.") from error
    if not isinstance(read, dict) or key not in read:
        raise VaelError(f"{path} is not {what} of vael: {remedy}.")
    return read


def peek_json(path: Path) -> dict[str, Any]:
    """Read an object; empty where a killed process has left none, or half of it."""
    try:
        read = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
