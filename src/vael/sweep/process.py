"""Floor 10: a trial as a process of its own: started, watched, signalled, and gone whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from vael.distributed import processes
from vael.sweep import environment
from vael.sweep.records import Slot

LOG = "process.log"


class Handle(Protocol):
    """A trial's process, which leads a session of its own."""

    def wait(self, seconds: float) -> int | None:
        """Its exit code, minus the signal's number where it was killed; None while it lives.

        Once there is a code, nothing of its session is left.
        """
        ...

    def signal(self, number: int) -> None:
        """Sends a signal to it alone: it passes it on to its ranks, if it has any."""
        ...

    def kill(self) -> None:
        """Kills it with all that it has started."""
        ...


class Starter(Protocol):
    """A way to start trials, one at a time."""

    def prepare(self) -> None:
        """Does ahead what takes long; to be called before each trial."""
        ...

    def start(self, folder: Path, slot: Slot, attempt: int | None = None) -> Handle:
        """Starts ``vael train FOLDER``; what it prints goes to FOLDER/process.log."""
        ...

    def close(self) -> None:
        """Ends what was prepared."""
        ...


class Plain:
    """Starts each trial as a new Python, for any number of devices."""

    def prepare(self) -> None:
        """Nothing."""

    def start(self, folder: Path, slot: Slot, attempt: int | None = None) -> "PlainHandle":
        """Starts the trial; it dies with the thread that calls this."""
        own = os.getpid()
        with (folder / LOG).open("ab") as log:
            return PlainHandle(
                subprocess.Popen(
                    [sys.executable, "-m", "vael.cli", "train", str(folder)],
                    env=environment.of_trial(os.environ, slot, attempt),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=lambda: processes.die_with(own),
                )
            )

    def close(self) -> None:
        """Nothing."""


class PlainHandle:
    """A child of this process."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child

    def wait(self, seconds: float) -> int | None:
        """See Handle."""
        end = time.monotonic() + seconds
        while not self._gone():
            if time.monotonic() >= end:
                return None
            time.sleep(0.01)
        return self._child.wait()

    def _gone(self) -> bool:
        """Ends the rest of its session while its pid is still taken, and cannot be another's."""
        if self._child.returncode is not None:
            return True
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self._child.pid, options) is None:
            return False
        processes.end_session(self._child.pid)
        return True

    def signal(self, number: int) -> None:
        """See Handle."""
        self._child.send_signal(number)

    def kill(self) -> None:
        """See Handle."""
        if not self._gone():
            self._child.send_signal(signal.SIGKILL)
            processes.end_session(self._child.pid)
        self._child.wait()
