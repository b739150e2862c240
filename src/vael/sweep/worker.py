"""Floor 10: a worker: claims trials, one after another, until there are none."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from vael.distributed.signals import StopRequest
from vael.errors import DiskError, VaelError, translate_resource_errors
from vael.sweep import lease
from vael.sweep.attempt import Attempt, Pruner
from vael.sweep.definition import Definition
from vael.sweep.process import Starter
from vael.sweep.records import Claim, Outcome, Slot, Wait
from vael.sweep.status_file import StatusFile
from vael.sweep.storage import StorageAway
from vael.sweep.vigil import Vigil

WAIT = 0.5  # seconds until a worker without work asks again
TOUCHES = 10  # of a lease before it would be stale


class Work(Pruner, Protocol):
    """What of a study a worker needs."""

    hurried: Callable[[], bool]  # set by the worker: it does not wait once it is asked to stop

    @property
    def folder(self) -> Path:
        """Of the sweep."""
        ...

    @property
    def definition(self) -> Definition:
        """The lease's length and the limits."""
        ...

    def claim(self, worker: str) -> Claim | Wait | None:
        """The next trial, or nothing for now, or nothing any more."""
        ...

    def finish(self, claim: Claim, outcome: Outcome) -> None:
        """Tells how an attempt ended."""
        ...


def work(study: Work, worker: str, starter: Starter, slot: Slot) -> int:
    """Works on a study until all is done or a signal comes.

    Returns:
        The exit code: 0; 130 or 143 after a signal, with the trial saved and given back.

    Raises:
        DiskError: nothing more can be written; the trial waits, and the budget is untouched.
        StorageAway: the storage cannot be reached for long.
    """
    status = StatusFile(study.folder, worker)
    with StopRequest() as asked, translate_resource_errors():
        study.hurried = lambda: bool(asked)
        try:
            while not asked:
                starter.prepare()
                claim = None if asked else study.claim(worker)
                if claim is None:
                    break
                if isinstance(claim, Wait):
                    status.idle()
                    time.sleep(WAIT)
                    continue
                _attempt(study, claim, starter, slot, asked, status)
        except StorageAway:
            if not asked:
                raise
        finally:
            starter.close()
            status.leaves()
        return asked.code if asked else 0


def _attempt(
    study: Work, claim: Claim, starter: Starter, slot: Slot, asked: StopRequest, status: StatusFile
) -> None:
    d = study.definition
    minutes = d.limits.trial_minutes if claim.kind == "trial" else None
    vigil = Vigil(claim, d.lease / TOUCHES)
    try:
        outcome = Outcome("stopped")
        if not asked:
            attempt = Attempt(study, claim, asked, status, minutes)
            with translate_resource_errors():
                outcome = attempt.run(starter, slot, vigil)
        study.finish(claim, outcome)
    except StorageAway:
        if asked and lease.touch(claim.folder, claim.attempt):
            lease.free(claim.folder)  # given back, as far as it can be told now: no loss
        raise
    except DiskError:
        with suppress(VaelError, OSError):  # else the lease, which ends with us, says the same
            study.finish(claim, Outcome("stopped"))
        raise
    finally:
        vigil.stop()
    if outcome.kind == "stopped" and not asked:
        raise DiskError(
            outcome.reason
            or f"cannot write {claim.folder}: the disk is full or "
            "broken. Free some space, then continue."
        )
