"""Engine local: a sweep's workers on this machine, from start to end."""

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vael.distributed.signals import StopRequest
from vael.errors import VaelError
from vael.sweep.display import Display
from vael.sweep.study.records import Slot
from vael.sweep.study.table import TrialRow
from vael.sweep.workers.command import worker_command
from vael.sweep.workers.outcome import read_last_line
from vael.sweep.workers.slots import WorkerNames
from vael.sweep.workers.starter import Handle, Starter
from vael.sweep.workers.status import FOLDER, read_worker_states

LOOK_SECONDS = 0.5  # between two looks
RESTARTS = 5  # of each worker that was killed, in one sweep


@dataclass
class _Worker:
    """A worker's process."""

    name: str
    slot: Slot
    log: Path
    handle: Handle
    restarts: int = 0


class Local:
    """Engine that starts workers here, shows how they stand and replaces those that are killed.

    Args:
        folder: of the sweep.
        slots: one for each worker.
        display: shows how the sweep stands.
        rows: all trials of the study.
        starter: of the workers; they die with it.
    """

    def __init__(
        self,
        folder: Path,
        slots: Sequence[Slot],
        display: Display,
        rows: Callable[[], Sequence[TrialRow]],
        starter: Starter,
    ) -> None:
        self.folder, self.slots, self.display, self.rows = folder, slots, display, rows
        self.starter = starter
        self.stopped_by = 0  # the signal that ended it, if any
        self._passed_on = 0  # signals that the workers have been sent
        self._workers: list[_Worker] = []
        self._rows: Sequence[TrialRow] = ()

    def run(self) -> int:
        """Run until all workers are gone.

        Returns:
            0 where all is done; 130 or 143 after a signal; else the code of the worker that could
            not go on, after its line.
        """
        (self.folder / FOLDER).mkdir(exist_ok=True)
        names = WorkerNames(self.folder / FOLDER)
        with StopRequest() as asked:
            try:
                for slot in self.slots:
                    name = names.take()
                    log = self.folder / FOLDER / f"{name}.log"
                    self._workers.append(_Worker(name, slot, log, self._start(name, slot, log)))
                return self._watch(asked)
            finally:
                for worker in self._workers:
                    worker.handle.kill()
                names.free()
                self.display.close()

    def _watch(self, asked: StopRequest) -> int:
        code = 0
        while self._workers:
            self._workers[-1].handle.wait(LOOK_SECONDS)  # at its end at once: it may be the last
            self._pass_on(asked)
            for worker in list(self._workers):
                ended = worker.handle.wait(0)
                if ended is None:
                    continue
                if ended < 0 and not asked and not code and worker.restarts < RESTARTS:
                    self._restart(worker, -ended)
                    continue
                self._workers.remove(worker)
                if ended and not asked and not code:
                    said = read_last_line(worker.log) or f"ended with exit code {ended}"
                    self.display.note(f"worker {worker.name}: {said}")
                    code = ended if ended > 0 else 1
                    self._send(signal.SIGTERM)
            with suppress(VaelError):  # workers say themselves when the storage is away for long
                self._rows = self.rows()
            self.display.update(read_worker_states(self.folder), self._rows)
        self.stopped_by = asked.number
        return asked.code if asked else code

    def _restart(self, worker: _Worker, killed_by: int) -> None:
        worker.restarts += 1
        self.display.note(f"worker {worker.name} was killed by signal {killed_by}: started again")
        worker.handle = self._start(worker.name, worker.slot, worker.log)

    def _start(self, name: str, slot: Slot, log: Path) -> Handle:
        return self.starter.start(worker_command(self.folder, name, slot, log))

    def _pass_on(self, asked: StopRequest) -> None:
        """Send the workers the first signal, and at the next look a second Ctrl-C."""
        if self._passed_on < bool(asked) + asked.impatient:
            self._passed_on += 1
            self._send(asked.number)

    def _send(self, number: int) -> None:
        for worker in self._workers:
            worker.handle.signal(number)
