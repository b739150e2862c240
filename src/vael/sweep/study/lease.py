"""Lease of a trial's folder: a file that its worker touches every few seconds.

It works with every storage and needs nothing but the shared folder. Taking and freeing happen
under the sweep's lock; touching does not.
"""

import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from vael.distributed.ownership import LEASE as NAME
from vael.distributed.processes import machine_id, start_time
from vael.files import write_json
from vael.sweep.study.records import Claim

FEW = 50  # leases: to look at more than these takes longer than the rest of a claim
TURN = "leases"  # the file that says when somebody last looked at all of them


@dataclass(frozen=True)
class Lease:
    """A worker's hold on one attempt at a trial.

    Attributes:
        worker: its name.
        attempt: no two leases of one folder have the same.
        machine: boot and process namespace, in which ``pid`` means something.
        pid: of the worker.
        started: clock ticks since boot when the process began: a pid is used again some day.
    """

    worker: str
    attempt: int
    machine: str
    pid: int
    started: str


def take_lease(folder: Path, worker: str, attempt: int) -> None:
    """Take the folder for this process, whoever had it before."""
    pid = os.getpid()
    lease = Lease(worker, attempt, machine_id(), pid, start_time(pid))
    write_json(folder / NAME, asdict(lease))


def find_holder(folder: Path) -> Lease | None:
    """Return the current holder, or None."""
    try:
        return Lease(**json.loads((folder / NAME).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def renew_lease(folder: Path, attempt: int) -> bool:
    """Renew the lease; False where another worker has taken it meanwhile."""
    found = find_holder(folder)
    if found is None or found.attempt != attempt:
        return False
    try:
        os.utime(folder / NAME)
    except FileNotFoundError:
        return False
    return True


def free_lease(folder: Path) -> None:
    """Free the folder for anybody."""
    (folder / NAME).unlink(missing_ok=True)


def find_age(folder: Path, now: float | None = None) -> float | None:
    """Return the seconds since the last touch; None where there is no lease.

    Args:
        folder: the trial's.
        now: by the clock of the file system (``files.locked``); None: this machine's.
    """
    try:
        touched = (folder / NAME).stat().st_mtime
    except FileNotFoundError:
        return None
    return (time.time() if now is None else now) - touched


class Watch:
    """Clock of how long each lease of this machine has been silent.

    Their age says nothing: it grows while the machine sleeps, holders and all. This clock sleeps
    with it.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, float]] = {}

    def silent(self, folder: Path) -> float:
        """Return the seconds since we first saw the last touch."""
        touched = (folder / NAME).stat().st_mtime_ns
        last, since = self._seen.get(folder, (None, 0.0))
        if touched != last:
            since = time.monotonic()
            self._seen[folder] = touched, since
        return time.monotonic() - since


def is_stale(folder: Path, seconds: float, watch: Watch, now: float | None = None) -> bool:
    """Tell whether nobody works there: no lease, one of a dead process, or a silent one.

    Args:
        folder: the trial's.
        seconds: of silence.
        watch: of who asks, for holders on this machine.
        now: by the clock of the file system, for those on others.
    """
    found, since = find_holder(folder), find_age(folder, now)
    if found is None or since is None:
        return True
    if not found.machine or found.machine != machine_id():
        return since > seconds
    return start_time(found.pid) != found.started or watch.silent(folder) > seconds


def is_turn(sweep: Path, count: int, seconds: float, now: float) -> bool:
    """Tell whether it is time to look at all leases of a sweep, whoever did so last.

    A few are looked at by whoever asks. To look at those of a thousand workers takes longer than
    all else that happens under the sweep's lock: one of them does it for all.

    Args:
        sweep: its folder.
        count: of the leases.
        seconds: between two looks at more than ``FEW``.
        now: by the clock of the file system.
    """
    if count <= FEW:
        return True
    turn = sweep / TURN
    if turn.exists() and 0 <= now - turn.stat().st_mtime < seconds:
        return False
    turn.touch()
    return True


def end_turn(sweep: Path) -> None:
    """Let the next one who asks look at all leases, too."""
    (sweep / TURN).unlink(missing_ok=True)


class Heartbeat:
    """Renewal of a lease, from a thread of its own, also while the storage is away.

    Args:
        claim: whose lease.
        every: seconds between two touches.

    Attributes:
        lost: whether another worker has taken the trial.
    """

    def __init__(self, claim: Claim, every: float) -> None:
        self.folder: Path = claim.folder
        self.attempt = claim.attempt
        self.every = every
        self.lost = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def start(self) -> None:
        """Start the thread, also where the lease is lost already."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, if it was started."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        while True:
            try:
                if not renew_lease(self.folder, self.attempt):
                    self.lost = True
                    return
            except OSError:
                pass  # a shared folder that is away for a moment
            if self._over.wait(self.every):
                return
