"""Floor 10: a worker's lease on its trial, kept up whatever else it waits for."""

import threading
from pathlib import Path

from vael.sweep import lease
from vael.sweep.records import Claim


class Vigil:
    """Touches the lease from a thread of its own, also while the storage is away.

    Args:
        claim: whose lease.
        every: seconds between two touches.
    """

    def __init__(self, claim: Claim, every: float) -> None:
        self.folder: Path = claim.folder
        self.attempt = claim.attempt
        self.every = every
        self._over = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    @property
    def lost(self) -> bool:
        """Whether another worker has taken the trial."""
        return self._lost.is_set()

    def start(self) -> None:
        """From now on, also should it be lost already."""
        self._thread.start()

    def stop(self) -> None:
        """Until now, if ever."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        while True:
            try:
                if not lease.touch(self.folder, self.attempt):
                    self._lost.set()
                    return
            except OSError:
                pass  # a shared folder that is away for a moment
            if self._over.wait(self.every):
                return
