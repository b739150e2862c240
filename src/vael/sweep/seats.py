"""Floor 10: the names of a machine's workers, free again when their engine ends, however."""

import os
import socket
from pathlib import Path

from vael.files import lock_file


class Seats:
    """``HOST-0``, ``HOST-1``, ...: several engines on one machine take different ones.

    Args:
        folder: where each name has a file; the kernel frees its lock with our last process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: list[int] = []

    def take(self) -> str:
        """A name that nobody on this machine has."""
        for number in range(100_000):
            name = f"{socket.gethostname()}-{number}"
            file = os.open(self.folder / f"{name}.seat", os.O_RDWR | os.O_CREAT, 0o666)
            if lock_file(file, wait=False):
                self._held.append(file)
                return name
            os.close(file)
        raise AssertionError("100,000 workers on one machine")

    def free(self) -> None:
        """All that were taken."""
        for file in self._held:
            os.close(file)
        self._held.clear()
