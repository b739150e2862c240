"""Floor 0: whether this process may write in its run's folder, and may do so still.

A sweep's worker that was silent for longer than its lease - stopped, asleep, cut off - loses its
trial to another one. The trial itself may have trained on, or wake up later: it must leave then,
and write nothing beside the one that goes on.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vael.errors import ConfigError, VaelError

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


@contextmanager
def alone(folder: Path, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Keeps other processes from training in the folder: by a lock on its config.yaml.

    The kernel frees it with the process, however that ends. In a sweep the leases do this.

    Raises:
        ConfigError: another process trains there.
    """
    descriptor = None if ATTEMPT in environ else _open(folder / "config.yaml")
    try:
        if descriptor is not None:
            _lock(descriptor, folder)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open(path: Path) -> int | None:
    for flags in (os.O_RDWR, os.O_RDONLY):  # NFS locks only what is open for writing
        try:
            return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            continue
    return None


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"{folder} is being trained by another process: wait until it ends, or stop it."
        ) from None
    except OSError:
        return  # a file system without locks
