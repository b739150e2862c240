"""Ownership of a run folder: an exclusive lock, and the lease inside a sweep.

A sweep's worker that was silent for longer than its lease - stopped, asleep, cut off - loses its
trial to another one. The trial itself may have trained on, or wake up later: it must leave then,
and write nothing beside the one that goes on.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from vael.errors import ConfigError, VaelError
from vael.files import lock_file

LEASE = "lease"  # in a trial's folder; says whose attempt it is
ATTEMPT = "VAEL_ATTEMPT"  # set by a sweep's worker for the processes of a trial


class Evicted(VaelError):
    """The folder is another process's by now."""

    exit_code = 143


def is_owned(folder: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the folder is still this process's; always, outside of a sweep."""
    mine = environ.get(ATTEMPT)
    if mine is None:
        return True
    try:
        return str(json.loads((folder / LEASE).read_text())["attempt"]) == mine
    except FileNotFoundError:
        return False  # whoever took it has ended it
    except OSError:
        return True  # a shared folder that is away for a moment


def check_ownership(folder: Path) -> None:
    """Raise Evicted where the folder is another's."""
    if not is_owned(folder):
        raise Evicted(f"{folder} was taken over by another attempt: this one leaves it alone.")


@contextmanager
def own_folder(config: Path, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Keep other processes from training in a folder, by a lock on the config in it.

    The kernel frees it with the process, however that ends. In a sweep the leases do this.

    Raises:
        ConfigError: another process trains there.
    """
    descriptor = None if ATTEMPT in environ else _open(config)
    if descriptor is None:
        yield
        return
    try:
        free = True
        with suppress(OSError):  # a file system without locks
            free = lock_file(descriptor, wait=False)
            if not free:  # whoever lists runs holds it for a moment
                time.sleep(0.2)
                free = lock_file(descriptor, wait=False)
        if not free:
            raise ConfigError(
                f"{config.parent} is being trained by another process: wait until it ends, or "
                "stop it."
            )
        yield
    finally:
        os.close(descriptor)


def is_being_trained(config: Path) -> bool:
    """Return whether another process trains in the folder of this config."""
    descriptor = _open(config)
    if descriptor is None:
        return False
    try:
        return not lock_file(descriptor, wait=False)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _open(path: Path) -> int | None:
    for flags in (os.O_RDWR, os.O_RDONLY):  # NFS locks only what is open for writing
        with suppress(OSError):
            return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)
    return None
