"""New Pythons: where there is no fork server, and for trials of several devices."""

import os
import signal
import subprocess
import sys
import time

from vael.distributed import processes
from vael.sweep.workers.command import Command


class ProcessStarter:
    """Starter of new Pythons, which die with the thread that starts them (Linux)."""

    def start(self, command: Command) -> "ProcessHandle":
        """See Starter."""
        own = os.getpid()
        with command.log.open("ab") as log:
            return ProcessHandle(
                subprocess.Popen(
                    [sys.executable, "-m", "vael.cli", *command.words],
                    env=command.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=lambda: processes.die_with(own),
                )
            )

    def close(self) -> None:
        """Do nothing: each handle has its process."""


class ProcessHandle:
    """A child of this process; see Handle."""

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
        """Tell whether the process has ended; then also end what is left of its session."""
        if self._child.returncode is not None:
            return True
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self._child.pid, options) is None:
            return False
        # not reaped yet: no other process can have this pid
        processes.end_session(self._child.pid)
        return True

    def signal(self, number: int) -> None:
        """See Handle; it passes the signal on to its ranks, if it has any."""
        self._child.send_signal(number)

    def kill(self) -> None:
        """See Handle."""
        if not self._gone():
            self._child.send_signal(signal.SIGKILL)
            processes.end_session(self._child.pid)
        self._child.wait()
