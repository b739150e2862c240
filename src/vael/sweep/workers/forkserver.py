"""Fork server: one process that has imported everything, from which all others of a machine fork.

    vael sweep ──► fork server ──┬─► probe              of data and devices
        │               ▲        ├─► worker 0, 1, ...   asked for by vael sweep
        └─── line ──────┤        └─► trial of 0, ...    asked for by its worker
    workers ── lines ───┘

A trial pays 0.1 s for its start instead of 3 s of CPU, and so does a worker. Who dies with whom:

- with vael sweep, the server; with the server, all its children (the kernel sees to both);
- with a worker, its trial: the server sees the worker end, and kills before it tells;
- with a trial, nobody. With the server, vael sweep starts another and the workers anew; they take
  their trials up from the last checkpoints.

The server runs no tensor operation, ever: children of a process that has computed on two threads
hang when they do.
"""

import gc
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from vael.distributed import processes, signals
from vael.sweep.workers.fork import run_child
from vael.sweep.workers.line import ForkLine, Message
from vael.sweep.workers.preload import preload

IGNORED = (*signals.SIGNALS, signal.SIGHUP)


def serve_forks(descriptor: int, command: Callable[[], None]) -> None:
    """Run the server: fork until the one who has started it is gone.

    Args:
        descriptor: of the socket to the one who has started it.
        command: does what ``sys.argv`` says, as the ``vael`` command.
    """
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)  # vael sweep says when its children are to stop
    signals.block()  # a child answers when it can
    line = ForkLine(socket.socket(fileno=descriptor))
    preload()
    gc.collect()
    gc.freeze()  # what is there already is not looked at again, and stays shared
    _Server(line, command).run()


@dataclass(frozen=True)
class _Child:
    """A process of the server's.

    Attributes:
        asker: hears of its end.
        own: the server's end of its own line, if it may start others.
    """

    asker: ForkLine
    own: ForkLine | None


class _Server:
    def __init__(self, owner: ForkLine, command: Callable[[], None]) -> None:
        self._owner, self._command = owner, command
        self._children: dict[int, _Child] = {}
        self._bell, self._ring = socket.socketpair()
        # no epoll: a child would share it
        self._selector = selectors.PollSelector()

    def run(self) -> None:
        """Answer until the owner is gone: then so is this process, and all its children."""
        for end in (self._bell, self._ring):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(self._ring.fileno())
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._selector.register(self._owner, selectors.EVENT_READ)
        self._owner.write({"ready": True})
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._bell:
                    with suppress(BlockingIOError):
                        self._bell.recv(4096)
                    self._reap()
                elif isinstance(line := key.fileobj, ForkLine) and line.fileno() >= 0:
                    message = line.read(None)
                    if message is not None:
                        self._fork(line, message)
                    elif line is self._owner:
                        return
                    else:
                        self._leave(line)

    def _fork(self, asker: ForkLine, message: Message) -> None:
        own = theirs = None
        if message["starts_trials"]:
            own, theirs = map(ForkLine, socket.socketpair())
            message["words"] += ["--forks", str(theirs.fileno())]
        server = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for key in [*self._selector.get_map().values()]:
                key.fileobj.close()  # type: ignore[union-attr] # a socket or a ForkLine
            for end in (self._ring, own):
                if end is not None:
                    end.close()
            run_child(server, message, self._command)
        if own is not None and theirs is not None:
            theirs.close()
            self._selector.register(own, selectors.EVENT_READ)
        self._children[pid] = _Child(asker, own)
        asker.write({"pid": pid})

    def _reap(self) -> None:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        for pid in list(self._children):
            child = self._children.get(pid)
            if child is None or os.waitid(os.P_PID, pid, options) is None:
                continue
            if child.own is not None:
                self._leave(child.own)  # before its end is told, its trial is gone
            code = self._bury(pid)
            child.asker.write({"pid": pid, "code": code})

    def _leave(self, line: ForkLine) -> None:
        """Kill whatever was asked for over a line that has no other end any more."""
        if line.fileno() < 0:
            return
        self._selector.unregister(line)
        line.close()
        for pid in [pid for pid, child in self._children.items() if child.asker is line]:
            os.kill(pid, signal.SIGKILL)
            self._bury(pid)

    def _bury(self, pid: int) -> int:
        """Wait for a process that is dead, or will be at once; return its exit code."""
        del self._children[pid]
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        processes.end_session(pid)  # not reaped yet: no other process can have this pid
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)


def _wake(number: int, frame: FrameType | None) -> None:
    """Do nothing: that there is a handler makes the bell ring."""
