"""Floor 0: whether this process may still write in its run's folder.

A sweep's worker that was silent for longer than its lease - stopped, asleep, cut off - loses its
trial to another one. The trial itself may have trained on, or wake up later: it must leave then,
and write nothing beside the one that goes on.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from vael.errors import VaelError

LEASE = "lease"  # in a trial's folder; says whose attempt it is
ATTEMPT = "VAEL_ATTEMPT"  # set by a sweep's worker for the processes of a trial


class Evicted(VaelError):
    """The folder is another process's by now."""

    exit_code = 143


def held(folder: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the folder is still ours; always, outside of a sweep."""
    mine = environ.get(ATTEMPT)
    if mine is None:
        return True
    try:
        return str(json.loads((folder / LEASE).read_text())["attempt"]) == mine
    except FileNotFoundError:
        return False  # whoever took it has ended it
    except OSError:
        return True  # a shared folder that is away for a moment


def check(folder: Path) -> None:
    """Raises Evicted where the folder is another's."""
    if not held(folder):
        raise Evicted(f"{folder} was taken over by another attempt: this one leaves it alone.")
