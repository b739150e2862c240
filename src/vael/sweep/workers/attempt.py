"""Attempt at a trial: start it, watch it, and say how it ended."""

import math
import signal
import time

from vael.config.yaml import read_settings
from vael.distributed.signals import StopRequest
from vael.files import write_json
from vael.runs.folder import RunFolder
from vael.runs.metrics_csv import NewRows
from vael.sweep.study import lease
from vael.sweep.study.lease import Heartbeat
from vael.sweep.study.records import Claim, Outcome, Slot
from vael.sweep.study.storage import StorageAway
from vael.sweep.study.study import Study
from vael.sweep.workers.command import trial_command
from vael.sweep.workers.outcome import find_outcome
from vael.sweep.workers.starter import Handle, Starter
from vael.sweep.workers.status import StatusFile
from vael.text import count_text

LOOK_SECONDS = 0.05  # between two looks at metrics.csv: a trial stops an epoch after it is told to
GRACE_SECONDS = 120.0  # in which a trial saves itself
# of its epochs: later there is little to save, and the noise of one epoch decides
PRUNABLE_FRACTION = 0.75
RESEND_SECONDS = 2.0  # after which a signal is sent again: a trial that has just begun may miss it


class Attempt:
    """Attempt at a trial: one process of it.

    Args:
        study: hears of each epoch, and decides whether to go on.
        claim: on the trial, whose lease is kept elsewhere.
        asked: to stop, by a signal.
        status: what the worker shows.
        minutes: after which the trial is stopped and counts with what it has reached.
    """

    def __init__(
        self,
        study: Study,
        claim: Claim,
        asked: StopRequest,
        status: StatusFile,
        minutes: float | None,
    ) -> None:
        self.study, self.claim, self.asked, self.status = study, claim, asked, status
        self.limit = None if minutes is None else 60 * minutes
        self._tail = NewRows(RunFolder(claim.folder).metrics, study.target)
        self._begun = time.monotonic()
        self._stopping: str | None = None
        self._signalled: tuple[float, float] | None = None
        self._reported = False
        self._prunable = math.inf  # epochs up to which it may be pruned

    def run(self, starter: Starter, slot: Slot, heartbeat: Heartbeat) -> Outcome:
        """Run the trial from start to end; whatever happens, no process is left."""
        handle = starter.start(trial_command(self.claim.folder, slot, self.claim.attempt))
        try:
            heartbeat.start()  # not before: a process with threads does not fork safely
            config = read_settings(RunFolder(self.claim.folder).config)
            self._prunable = PRUNABLE_FRACTION * config.trainer.max_epochs
            self.status.write_begin(self.claim, config.trainer.max_epochs)
            while (code := handle.wait(LOOK_SECONDS)) is None:
                self._look(handle)
                if heartbeat.lost:
                    return Outcome("lost", "another worker has taken it")
            self._report()
            return self._ended(code)
        except BaseException:
            self._give_up(handle)
            raise
        finally:
            handle.kill()

    def _look(self, handle: Handle) -> None:
        self._report()
        spent = time.monotonic() - self._begun
        if self.limit is not None and spent > self.limit:
            self._stop(f"time limit of {self.limit / 60:g} min")
        # an epoch may be longer than the limit
        late = self.limit is not None and spent > 1.1 * self.limit + 60
        if self.asked or late:
            self._signal(handle)

    def _report(self) -> None:
        for epoch, row in self._tail.read():
            value = row[self.study.target]
            self._reported = True
            self.status.write_progress(epoch + 1, value)
            if self._hopeless(epoch + 1, value) and epoch + 1 <= self._prunable:
                self._stop(f"pruned after {count_text(epoch + 1, 'epoch')}")

    def _hopeless(self, epochs: int, value: float) -> bool:
        try:
            return self.study.report(self.claim, epochs, value)
        except StorageAway:
            if not self.asked:
                raise
            return False  # it is to save itself now, whatever the storage would say

    def _stop(self, reason: str) -> None:
        """Ask the trial to end after its epoch, for good, unless another has the folder."""
        if self._stopping is None and lease.renew_lease(self.claim.folder, self.claim.attempt):
            self._stopping = reason
            write_json(RunFolder(self.claim.folder).stop, {"reason": reason})

    def _signal(self, handle: Handle) -> None:
        """Ask the trial to save itself and stop; kill it when that takes long."""
        now = time.monotonic()
        if self._signalled is None:
            self._signalled = now, now
            handle.signal(signal.SIGTERM)
            return
        first, last = self._signalled
        if self.asked.impatient or now - first > GRACE_SECONDS:
            handle.kill()
        elif now - last > RESEND_SECONDS:
            self._signalled = first, now
            handle.signal(signal.SIGTERM)

    def _ended(self, code: int) -> Outcome:
        found = find_outcome(self.claim.folder, code, bool(self.asked))
        timed_out = self._signalled is not None and not self.asked
        if found.kind == "lost" and timed_out:
            return Outcome("pruned" if self._reported else "failed", self._stopping)
        return found

    def _give_up(self, handle: Handle) -> None:
        """Let the trial save itself, if it can: the worker cannot go on."""
        handle.signal(signal.SIGTERM)
        end = time.monotonic() + GRACE_SECONDS
        while (
            handle.wait(LOOK_SECONDS) is None
            and time.monotonic() < end
            and not self.asked.impatient
        ):
            pass
