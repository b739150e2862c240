"""Supervisor: starts a run's ranks on this machine, and sees to it that they end together.

Lightning's own launcher kills the first rank when another one dies: no message, no summary. Here
all ranks are children of a small process without torch, which tells why the first one failed.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from vael.distributed import failures, ownership, processes, ranks, signals
from vael.distributed.crowding import describe_crowding
from vael.distributed.failures import Failure
from vael.distributed.ranks import Rank
from vael.files import make_folder

GRACE_SECONDS = 8.0  # in which the others notice by themselves that one is dead, and sum up
ORDERLY_GRACE_SECONDS = 60.0  # the same where all stop alike: the first still writes its report
TERM_SECONDS = 3.0  # from SIGTERM to SIGKILL
ORDERLY_CODES = (3, 130, 143)


def supervise(
    folder: Path, devices: int, num_nodes: int, on_failure: Callable[[Failure, float], None]
) -> int:
    """Train with ``devices`` processes of this machine.

    Args:
        folder: the run's folder.
        devices: processes of this machine.
        num_nodes: machines of the run.
        on_failure: called with the root cause and the seconds since the start, unless the folder
            is another process's by then.

    Returns:
        The exit code: that of the rank that failed first, 128 + n where signal n killed it.
    """
    node = ranks.read_count(os.environ, "NODE_RANK", 0)
    records = folder / failures.FOLDER
    if (warning := describe_crowding(devices)) is not None:
        print(f"vael: {warning}", file=sys.stderr)
    if num_nodes == 1:
        shutil.rmtree(records, ignore_errors=True)
    make_folder(records)
    started = time.time()
    team = _Team(folder, devices, num_nodes, node)
    with team.forwarding(), _port(num_nodes) as port:
        team.start(port)
        cause = team.wait()
    if cause is None:
        if node == 0:
            shutil.rmtree(records, ignore_errors=True)
        return 0
    if not ownership.is_owned(folder):
        return cause.code  # what is there by now is another's
    on_failure(cause, time.time() - started)
    if node == 0 and num_nodes == 1:
        shutil.rmtree(records, ignore_errors=True)
    with suppress(OSError):  # a full disk must not hide the code
        print(f"{cause.traceback}vael: {cause}", file=sys.stderr)
    if cause.early and team.asked == signal.SIGUSR1 and node == 0:
        signals.StoppedEarly(signal.SIGUSR1).requeue()
    return cause.code


class _Team:
    """Ranks of one machine."""

    def __init__(self, folder: Path, devices: int, num_nodes: int, node: int) -> None:
        self.folder, self.devices, self.num_nodes, self.node = folder, devices, num_nodes, node
        self.children: dict[int, subprocess.Popen[bytes]] = {}
        self.asked: int | None = None
        self.own = os.getpid()
        self.started = time.time()

    def start(self, port: int) -> None:
        """Start the ranks; only the first of all may write to our terminal."""
        command = [sys.executable, "-m", "vael.cli", "train", str(self.folder)]
        address = os.environ.get("MASTER_ADDR", "127.0.0.1")
        world = self.devices * self.num_nodes
        for local in range(self.devices):
            place = self.node * self.devices + local
            rank = Rank(place, world, local, self.node, self.num_nodes, "vael", address, port)
            whole = {
                **os.environ,
                **rank.environment(),
                ranks.SUPERVISED: str(self.own),
                "LOCAL_WORLD_SIZE": str(self.devices),
            }
            with self._stderr(rank.rank).open("wb") as stderr, signals.blocked():
                self.children[rank.rank] = subprocess.Popen(
                    [*command, "--discard-on-error"],
                    env=whole,
                    stdin=subprocess.DEVNULL,
                    process_group=0,
                    preexec_fn=lambda: processes.die_with(self.own),
                    stdout=None if rank.rank == 0 else subprocess.DEVNULL,
                    stderr=None if rank.rank == 0 else stderr,
                )
            if self.asked is not None:  # it came while we were starting them
                self._signal(self.asked)

    def wait(self) -> Failure | None:
        """Wait until all ranks are gone; return the root cause of a failure, or None."""
        cause: Failure | None = None
        deadline, sent = float("inf"), 0
        while True:
            codes = {rank: child.poll() for rank, child in self.children.items()}
            if cause is None and any(codes.values()):
                cause = self._root_cause(codes)
                orderly = cause.code in ORDERLY_CODES and cause.clear and not cause.early
                deadline = time.monotonic() + (ORDERLY_GRACE_SECONDS if orderly else GRACE_SECONDS)
            if all(code is not None for code in codes.values()):
                self._signal(signal.SIGKILL)  # what a rank has started goes with it
                return cause
            if time.monotonic() > deadline:
                sent = signal.SIGKILL if sent else signal.SIGTERM
                self._signal(sent)
                deadline = time.monotonic() + TERM_SECONDS
            time.sleep(0.05)

    def _root_cause(self, codes: dict[int, int | None]) -> Failure:
        """Return a kill's failure; else the earliest record counts, not the earliest exit.

        A rank that raised is still leaving Python while the others lose it and exit; one that is
        killed in leaving has told before what it failed of.
        """
        failed = {rank: code for rank, code in codes.items() if code}
        recorded = failures.read_failures(self.folder, self.started - 5)
        told = {failure.rank for failure in recorded}
        killed = [rank for rank, code in failed.items() if code < 0 and rank not in told]
        if not killed:
            cause = failures.find_root_cause(recorded)
            if cause is not None:
                return cause
        rank = killed[0] if killed else next(iter(failed))
        return failures.describe_exit(rank, failed[rank], self._stderr(rank), self.asked)

    def _stderr(self, rank: int) -> Path:
        return self.folder / failures.FOLDER / f"rank_{rank}.stderr"

    def _signal(self, number: int) -> None:
        for child in self.children.values():
            with suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    os.killpg(child.pid, number)
                elif child.returncode is None:
                    child.send_signal(number)

    @contextmanager
    def forwarding(self) -> Iterator[None]:
        """Pass on what asks us to stop; whether and when to, the ranks agree among them."""

        def forward(number: int, frame: FrameType | None) -> None:
            self.asked = number
            self._signal(number)

        with signals.handling(forward):
            try:
                yield
            finally:
                if any(child.poll() is None for child in self.children.values()):
                    self._signal(signal.SIGKILL)


@contextmanager
def _port(num_nodes: int) -> Iterator[int]:
    """Yield the port where the ranks meet: given, or a free one kept for the first of them.

    A socket that is bound, but does not listen, lets only those bind who ask to share.
    """
    if num_nodes > 1:
        yield ranks.read_count(os.environ, "MASTER_PORT")
        return
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("", 0))
        yield kept.getsockname()[1]
