"""Fork server: trials of one device forked off a process that has imported everything already.

A trial pays 0.1 s for its start instead of 9 s of CPU. The server runs no tensor operation, ever:
children of a process that has computed on two threads hang when they do.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import random
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from vael.distributed import processes, signals
from vael.errors import VaelError
from vael.runs.provenance import NOT_TRAINING
from vael.sweep.study.records import Slot
from vael.sweep.workers.process import LOG, trial_environment

IGNORED = (*signals.SIGNALS, signal.SIGHUP)
START_SECONDS = 300.0
KILLED = -signal.SIGKILL


class ForkServer:
    """Way to start trials one at a time, as forks; all die with the worker (Linux)."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._line: _Line | None = None

    def prepare(self) -> None:
        """Start the server where there is none and wait until it has imported all.

        Raises:
            VaelError: it cannot start.
        """
        if self._server is not None and self._server.poll() is None:
            return
        self._end()
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
        self._line = _Line(ours)
        if self._line.read(START_SECONDS) != {"ready": True}:
            self._end()
            raise VaelError("the process that starts trials could not start: see above.")

    def start(self, folder: Path, slot: Slot, attempt: int | None = None) -> "ForkedHandle":
        """Fork the trial; see ProcessStarter."""
        self.prepare()
        assert self._line is not None
        assert slot.num_devices == 1, slot
        env = trial_environment(os.environ, slot, attempt)
        self._line.write({"folder": str(folder), "env": env})
        answer = self._line.read(START_SECONDS)
        return ForkedHandle(self._line, None if answer is None else int(answer["pid"]))

    def close(self) -> None:
        """End the server."""
        self._end()

    def _end(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        if self._line is not None:
            self._line.close()
        self._server = self._line = None


class ForkedHandle:
    """A child of the fork server; counts as killed where the server is gone."""

    def __init__(self, line: "_Line", pid: int | None) -> None:
        self._line = line
        self._pid = pid
        self._code = KILLED if pid is None else None

    def wait(self, seconds: float) -> int | None:
        """See ProcessHandle."""
        if self._code is None:
            try:
                answer = self._line.read(seconds)
            except TimeoutError:
                return None
            self._code = KILLED if answer is None else int(answer["code"])
        return self._code

    def signal(self, number: int) -> None:
        """See ProcessHandle."""
        if self._pid is not None and self.wait(0) is None:
            os.kill(self._pid, number)  # the server reaps it, then tells: the pid is still its

    def kill(self) -> None:
        """See ProcessHandle."""
        self.signal(signal.SIGKILL)
        while self.wait(1.0) is None:
            pass


class _Line:
    """JSON objects over a socket, one a line."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""

    def write(self, message: dict[str, Any]) -> None:
        """Send a message; a reader that is gone shows when its answer is read."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def read(self, seconds: float | None) -> dict[str, Any] | None:
        """Read the next message; None where the other side is gone.

        Raises:
            TimeoutError: nothing came.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = None if end is None else max(0.0005, end - time.monotonic())
            self._socket.settimeout(left)
            try:
                got = self._socket.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                return None
            self._rest += got
        line, self._rest = self._rest.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def serve_trials(descriptor: int, command: Callable[[], None]) -> None:
    """Run the server's side: fork until the worker is gone.

    Args:
        descriptor: of the socket to the worker.
        command: does what ``sys.argv`` says, as the ``vael`` command.
    """
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)  # the worker says when a trial is to stop
    signals.block()  # a trial answers when it can
    line = _Line(socket.socket(fileno=descriptor))
    preload()
    gc.collect()
    gc.freeze()  # what is there already is not looked at again, and stays shared
    line.write({"ready": True})
    while (request := line.read(None)) is not None:
        server = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            line.close()
            _run_trial(server, Path(request["folder"]), request["env"], command)
        line.write({"pid": pid})
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        processes.end_session(pid)
        _, status = os.waitpid(pid, 0)
        line.write({"code": os.waitstatus_to_exitcode(status)})


def preload() -> None:
    """Import what a trial needs; compute nothing."""
    from PIL import Image

    from vael.distributed.lightning_import import import_lightning

    import_lightning()
    for module in pkgutil.walk_packages([str(Path(__file__).parents[2])], "vael."):
        if module.name.split(".")[1] not in NOT_TRAINING:
            importlib.import_module(module.name)
    Image.preinit()  # it would import the plugins of formats at the first picture


def _run_trial(
    server: int, folder: Path, env: dict[str, str], command: Callable[[], None]
) -> NoReturn:
    """Behave like a new Python that was asked to ``vael train FOLDER``."""
    code = 1
    try:
        os.setsid()
        processes.die_with(server)
        _take_over(folder)
        os.environ.clear()
        os.environ.update(env)
        random.seed()
        import numpy as np

        np.random.seed()  # noqa: NPY002 # nothing of ours uses it, but all children would share it
        for number in IGNORED:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = ["vael", "train", str(folder)]
        command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        with suppress(OSError):
            traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # a full disk
                stream.flush()
        os._exit(code)


def _take_over(folder: Path) -> None:
    """Redirect standard input, output and error to those of the trial."""
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)
