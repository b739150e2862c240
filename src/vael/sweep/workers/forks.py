"""Forks: processes that start within 0.1 s, asked for over a line to a fork server (Linux)."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

from vael.distributed import processes
from vael.errors import VaelError
from vael.sweep.study.records import Slot
from vael.sweep.workers.command import Command, trial_environment
from vael.sweep.workers.line import ForkLine, Message
from vael.sweep.workers.process import ProcessStarter

START_SECONDS = 300.0
KILLED = -signal.SIGKILL


class Forks:
    """Starter over a line to the fork server; what it starts dies with the line.

    Args:
        line: to the server.
    """

    def __init__(self, line: ForkLine) -> None:
        self._line = line
        self._codes: dict[int, int] = {}
        self.gone = False  # the server, and with it all that it has started

    def start(self, command: Command) -> "ForkedHandle":
        """See Starter.

        Raises:
            VaelError: the server is gone.
        """
        self._line.write(
            {
                "words": command.words,
                "environment": dict(command.environment),
                "log": str(command.log),
                "starts_trials": command.starts_trials,
            }
        )
        while True:
            answer = self._line.read(START_SECONDS)
            if answer is None:
                self.gone = True
                raise VaelError("the process that starts trials is gone.")
            if "code" not in answer:
                return ForkedHandle(self, answer["pid"])
            self._note(answer)

    def wait(self, pid: int, seconds: float) -> int | None:
        """Wait for a child's exit code, told once; None while it lives.

        With the server, all have died.
        """
        end = time.monotonic() + seconds
        while pid not in self._codes:
            if self.gone:
                return KILLED
            try:
                answer = self._line.read(max(0.0, end - time.monotonic()))
            except TimeoutError:
                return None
            if answer is None:
                self.gone = True
            else:
                self._note(answer)
        return self._codes.pop(pid)

    def close(self) -> None:
        """See Starter."""
        self._line.close()

    def _note(self, answer: Message) -> None:
        self._codes[answer["pid"]] = answer["code"]


def open_forks(descriptor: int) -> Forks:
    """Open the line that a worker has inherited."""
    return Forks(ForkLine(socket.socket(fileno=descriptor)))


class ForkedHandle:
    """A child of the fork server; see Handle."""

    def __init__(self, forks: Forks, pid: int) -> None:
        self._forks, self._pid = forks, pid
        self._code: int | None = None

    def wait(self, seconds: float) -> int | None:
        """See Handle."""
        if self._code is None:
            self._code = self._forks.wait(self._pid, seconds)
        return self._code

    def signal(self, number: int) -> None:
        """See Handle."""
        if self.wait(0) is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def kill(self) -> None:
        """See Handle."""
        self.signal(signal.SIGKILL)
        while self.wait(1.0) is None:
            pass


class ForkServer:
    """Starter that has a fork server of its own, and a new one where that has died.

    It is launched at once, and imports while others plan.
    """

    def __init__(self) -> None:
        self._ready = False
        self._launch()

    def start(self, command: Command) -> ForkedHandle:
        """See Starter; wait until the server has imported everything.

        Raises:
            VaelError: it cannot start.
        """
        if self._forks.gone or self._server.poll() is not None:
            self.close()
            self._launch()
        if not self._ready:
            if self._line.read(START_SECONDS) != {"ready": True}:
                self.close()
                raise VaelError("the process that starts trials could not start: see above.")
            self._ready = True
        return self._forks.start(command)

    def close(self) -> None:
        """See Starter."""
        self._server.kill()
        self._server.wait()
        self._forks.close()

    def _launch(self) -> None:
        own, ours, theirs = os.getpid(), *socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "vael.cli", "fork-server", str(theirs.fileno())],
                env=trial_environment(os.environ, Slot(None, 1, 1)),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                preexec_fn=lambda: processes.die_with(own),
            )
        self._line = ForkLine(ours)
        self._forks = Forks(self._line)
        self._ready = False


def make_starter() -> ForkServer | ProcessStarter:
    """Make the starter of this machine's processes; it is to be closed."""
    return ForkServer() if sys.platform == "linux" else ProcessStarter()
