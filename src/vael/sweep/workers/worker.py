"""Worker: claims trials, one after another, until there are none."""

import time
from contextlib import suppress

from vael.distributed.signals import StopRequest
from vael.errors import DiskError, VaelError, translate_resource_errors
from vael.sweep.study import lease
from vael.sweep.study.lease import Heartbeat
from vael.sweep.study.records import Claim, Outcome, Slot, Wait
from vael.sweep.study.storage import StorageAway
from vael.sweep.study.study import Study
from vael.sweep.workers.attempt import Attempt
from vael.sweep.workers.starter import Starter
from vael.sweep.workers.status import StatusFile

WAIT_SECONDS = 0.5  # until a worker without work asks again
TOUCHES_PER_LEASE = 10  # before it would be stale


def work_on_trials(study: Study, worker: str, starter: Starter, slot: Slot) -> int:
    """Work on a study until all is done or a signal comes.

    Returns:
        The exit code: 0; 130 or 143 after a signal, with the trial saved and given back.

    Raises:
        DiskError: nothing more can be written; the trial waits, and the budget is untouched.
        StorageAway: the storage cannot be reached for long.
    """
    status = StatusFile(study.folder, worker)
    with StopRequest() as asked, translate_resource_errors():
        study.stop_retrying = lambda: bool(asked)
        try:
            while not asked:
                claim = study.claim(worker)
                if claim is None:
                    break
                if isinstance(claim, Wait):
                    status.write_idle()
                    time.sleep(WAIT_SECONDS)
                    continue
                _attempt(study, claim, starter, slot, asked, status)
        except StorageAway:
            if not asked:
                raise
        finally:
            status.remove()
        return asked.code if asked else 0


def _attempt(
    study: Study,
    claim: Claim,
    starter: Starter,
    slot: Slot,
    asked: StopRequest,
    status: StatusFile,
) -> None:
    d = study.definition
    minutes = d.limits.trial_minutes if claim.kind == "trial" else None
    heartbeat = Heartbeat(claim, d.lease / TOUCHES_PER_LEASE)
    try:
        outcome = Outcome("stopped")
        if not asked:
            attempt = Attempt(study, claim, asked, status, minutes)
            with translate_resource_errors():
                outcome = attempt.run(starter, slot, heartbeat)
        study.finish(claim, outcome)
    except StorageAway:
        if asked and lease.renew_lease(claim.folder, claim.attempt):
            lease.free_lease(claim.folder)  # given back, as far as it can be told now: no loss
        raise
    except DiskError:
        with suppress(VaelError, OSError):  # else the lease, which ends with us, says the same
            study.finish(claim, Outcome("stopped"))
        raise
    finally:
        heartbeat.stop()
    if outcome.kind == "stopped" and not asked:
        raise DiskError(
            outcome.reason
            or f"cannot write {claim.folder}: the disk is full or "
            "broken. Free some space, then continue."
        )
