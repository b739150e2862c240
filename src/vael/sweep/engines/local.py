"""Engine local: a sweep's workers on this machine, from start to end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vael.distributed import processes
from vael.distributed.signals import StopRequest
from vael.errors import VaelError
from vael.sweep.display import Display
from vael.sweep.study.records import Slot
from vael.sweep.study.table import TrialRow
from vael.sweep.workers.outcome import read_last_line
from vael.sweep.workers.slots import WorkerNames
from vael.sweep.workers.status import FOLDER, read_worker_states

LOOK_SECONDS = 0.5  # between two looks
RESTARTS = 5  # of workers that were killed, in one sweep


@dataclass
class _Worker:
    """A worker's process."""

    name: str
    slot: Slot
    log: Path
    child: "subprocess.Popen[bytes]"


class Local:
    """Engine that starts workers here, shows how they stand and replaces those that are killed.

    Args:
        folder: of the sweep.
        slots: one for each worker.
        display: shows how the sweep stands.
        rows: all trials of the study.
    """

    def __init__(
        self,
        folder: Path,
        slots: Sequence[Slot],
        display: Display,
        rows: Callable[[], Sequence[TrialRow]],
    ) -> None:
        self.folder, self.slots, self.display, self.rows = folder, slots, display, rows
        self.stopped_by = 0  # the signal that ended it, if any
        self._restarts = 0
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
        with StopRequest(self._send) as asked:
            try:
                for slot in self.slots:
                    self._start(names.take(), slot, asked)
                return self._watch(asked)
            finally:
                for worker in self._workers:
                    worker.child.kill()  # and what it has started dies with it
                    worker.child.wait()
                names.free()
                self.display.close()

    def _watch(self, asked: StopRequest) -> int:
        code = 0
        while self._workers:
            time.sleep(LOOK_SECONDS)
            for worker in [w for w in self._workers if w.child.poll() is not None]:
                self._workers.remove(worker)
                ended = worker.child.returncode
                if not ended or asked or code:
                    continue
                if ended < 0 and self._restarts < RESTARTS:
                    self._restarts += 1
                    self.display.note(
                        f"worker {worker.name} was killed by signal {-ended}: started again"
                    )
                    self._start(worker.name, worker.slot, asked)
                else:
                    said = read_last_line(worker.log) or f"ended with exit code {ended}"
                    self.display.note(f"worker {worker.name}: {said}")
                    code = ended if ended > 0 else 1
                    self._send(signal.SIGTERM)
            with suppress(VaelError):  # workers say themselves when the storage is away for long
                self._rows = self.rows()
            self.display.update(read_worker_states(self.folder), self._rows)
        self.stopped_by = asked.number
        return asked.code if asked else code

    def _start(self, name: str, slot: Slot, asked: StopRequest) -> None:
        log, own = self.folder / FOLDER / f"{name}.log", os.getpid()
        with log.open("ab") as file:
            child = subprocess.Popen(
                worker_command(self.folder, name, slot),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                preexec_fn=lambda: processes.die_with(own),
            )
        self._workers.append(_Worker(name, slot, log, child))
        if asked:  # it came while we were starting it
            self._send(asked.number)

    def _send(self, number: int) -> None:
        for worker in self._workers:
            worker.child.send_signal(number)


def worker_command(folder: Path, name: str, slot: Slot) -> list[str]:
    """Return the command that starts a worker."""
    command = [sys.executable, "-m", "vael.cli", "sweep-worker", str(folder), "--name", name]
    if slot.devices is not None:
        command += ["--devices", slot.devices]
    return [*command, "--num-devices", str(slot.num_devices), "--threads", str(slot.threads)]
