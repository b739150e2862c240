"""Floor 8: starts a run's ranks on this machine, and sees to it that they end together.

Lightning's own launcher kills the first rank when another one dies: no message, no summary. Here
all ranks are children of a small process without torch, which tells what the dead one said.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from omegaconf import DictConfig

from vael import early, epitaph, lastwords, processes, ranks, tenure
from vael.config.yaml import read_yaml
from vael.files import make_folder
from vael.lastwords import LastWords
from vael.ranks import Rank

GRACE = 8.0  # seconds in which the others notice by themselves that one is dead, and sum up
ORDERLY_GRACE = 60.0  # the same where all stop alike: the first still writes its report
AFTER_TERM = 3.0
ORDERLY = (3, 130, 143)
IMPOSSIBLE = "impossible"  # left by a rank that found, before its first step, that it cannot be
MADE = {"config.yaml", "train.log", lastwords.FOLDER}  # all that is there before the first step


def size(folder: Path) -> tuple[int, int]:
    """Devices and nodes of the run in this folder; (1, 1) where its config is no good.

    The one process then says what is wrong with it.
    """
    try:
        config = read_yaml(folder / "config.yaml")
        found = config.trainer.devices, config.trainer.num_nodes
    except Exception:  # yaml and OmegaConf have no common base
        return 1, 1
    whole = isinstance(config, DictConfig) and all(type(n) is int and n > 0 for n in found)
    return found if whole else (1, 1)


def discard(folder: Path, is_first: bool) -> None:
    """Removes the folder of a run that cannot start; nothing that has ever trained.

    A supervised rank only leaves a note: the others may still be reading there.
    """
    if ranks.SUPERVISED in os.environ:
        (folder / lastwords.FOLDER).mkdir(exist_ok=True)
        (folder / lastwords.FOLDER / IMPOSSIBLE).touch()
    elif is_first and {path.name for path in folder.iterdir()} <= MADE:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another run's folder is there, or just being made
            folder.parent.rmdir()


def vanished(folder: Path, seconds: float = 3.0) -> bool:
    """Whether the first process gives up this run as impossible: it then says so for all."""
    end = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not folder.exists()


def supervise(folder: Path, devices: int, num_nodes: int, discard_on_error: bool) -> int:
    """Trains with ``devices`` processes of this machine.

    Returns:
        The exit code: that of the rank that failed first, 128 + n where signal n killed it.
    """
    node = int(os.environ.get("NODE_RANK", "0"))
    notes = folder / lastwords.FOLDER
    if (warning := crowded(devices)) is not None:
        print(f"vael: {warning}", file=sys.stderr)
    if num_nodes == 1:
        shutil.rmtree(notes, ignore_errors=True)
    make_folder(notes)
    started = time.time()
    team = _Team(folder, devices, num_nodes, node)
    with team.forwarding(), _port(num_nodes) as port:
        team.start(port)
        dead = team.wait()
    if dead is None:
        if node == 0:
            shutil.rmtree(notes, ignore_errors=True)
        return 0
    if not tenure.held(folder):
        return dead.code  # what is there by now is another's
    if discard_on_error and (notes / IMPOSSIBLE).exists():
        discard(folder, node == 0)
    elif node == 0:
        epitaph.write(folder, dead, time.time() - started)
        if num_nodes == 1:
            shutil.rmtree(notes, ignore_errors=True)
    with suppress(OSError):  # a full disk must not hide the code
        print(f"{dead.traceback}vael: {dead.told()}", file=sys.stderr)
    if dead.early and team.asked == signal.SIGUSR1 and node == 0:
        early.StoppedEarly(signal.SIGUSR1).requeue()
    return dead.code


def crowded(devices: int) -> str | None:
    """What to say of more processes than cores, where there is no GPU to compute on."""
    cores = processes.cores()
    if devices <= cores or Path("/dev/nvidiactl").exists():
        return None
    return (
        f"trainer.devices={devices} starts {devices} processes, which take turns on {cores} "
        f"cores and need about {0.4 * devices:.0f} GiB: trainer.devices={cores} is faster."
    )


class _Team:
    """The ranks of one machine."""

    def __init__(self, folder: Path, devices: int, num_nodes: int, node: int) -> None:
        self.folder, self.devices, self.num_nodes, self.node = folder, devices, num_nodes, node
        self.children: dict[int, subprocess.Popen[bytes]] = {}
        self.asked: int | None = None
        self.own = os.getpid()
        self.started = time.time()

    def start(self, port: int) -> None:
        """Starts the ranks; only the first of all may write to our terminal."""
        for local in range(self.devices):
            rank = Rank(
                self.node * self.devices + local,
                self.devices * self.num_nodes,
                local,
                self.node,
                self.num_nodes,
                "vael",
                os.environ.get("MASTER_ADDR", "127.0.0.1"),
                port,
            )
            whole = {
                **os.environ,
                **rank.environment(),
                ranks.SUPERVISED: str(self.own),
                "LOCAL_WORLD_SIZE": str(self.devices),
            }
            with self._stderr(rank.rank).open("wb") as stderr, early.blocked():
                self.children[rank.rank] = subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "vael.cli",
                        "train",
                        str(self.folder),
                        "--discard-on-error",
                    ],
                    env=whole,
                    stdin=subprocess.DEVNULL,
                    process_group=0,
                    preexec_fn=lambda: processes.die_with(self.own),
                    stdout=None if rank.rank == 0 else subprocess.DEVNULL,
                    stderr=None if rank.rank == 0 else stderr,
                )
            if self.asked is not None:  # it came while we were starting them
                self._signal(self.asked)

    def wait(self) -> LastWords | None:
        """Until all ranks are gone; what the first that failed said, or None."""
        words: LastWords | None = None
        deadline, sent = float("inf"), 0
        while True:
            codes = {rank: child.poll() for rank, child in self.children.items()}
            if words is None and any(codes.values()):
                words = self._first_of(codes)
                orderly = words.code in ORDERLY and words.clear and not words.early
                deadline = time.monotonic() + (ORDERLY_GRACE if orderly else GRACE)
            if all(code is not None for code in codes.values()):
                self._signal(signal.SIGKILL)  # what a rank has started goes with it
                return words
            if time.monotonic() > deadline:
                sent = signal.SIGKILL if sent else signal.SIGTERM
                self._signal(sent)
                deadline = time.monotonic() + AFTER_TERM
            time.sleep(0.05)

    def _first_of(self, codes: dict[int, int | None]) -> LastWords:
        """A kill speaks for itself; else the earliest word counts, not the earliest exit.

        A rank that raised is still leaving Python while the others lose it and exit.
        """
        failed = {rank: code for rank, code in codes.items() if code}
        killed = [rank for rank, code in failed.items() if code < 0]
        if not killed:
            said = lastwords.cause(lastwords.heard(self.folder, self.started - 5))
            if said is not None:
                return said
        rank = killed[0] if killed else next(iter(failed))
        return epitaph.of(rank, failed[rank], self._stderr(rank), self.asked)

    def _stderr(self, rank: int) -> Path:
        return self.folder / lastwords.FOLDER / f"rank_{rank}.stderr"

    def _signal(self, number: int) -> None:
        for child in self.children.values():
            try:
                if number == signal.SIGKILL:
                    os.killpg(child.pid, number)
                elif child.returncode is None:
                    child.send_signal(number)
            except ProcessLookupError:
                pass

    @contextmanager
    def forwarding(self) -> Iterator[None]:
        """Passes on what asks us to stop; whether and when to, the ranks agree among them."""

        def forward(number: int, frame: FrameType | None) -> None:
            self.asked = number
            self._signal(number)

        before = {number: signal.signal(number, forward) for number in early.SIGNALS}
        try:
            yield
        finally:
            if any(child.poll() is None for child in self.children.values()):
                self._signal(signal.SIGKILL)
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _port(num_nodes: int) -> Iterator[int]:
    """The port where the ranks meet: given, or a free one that is kept for the first of them.

    A socket that is bound, but does not listen, lets only those bind who ask to share.
    """
    if num_nodes > 1:
        yield int(os.environ["MASTER_PORT"])
        return
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("", 0))
        yield kept.getsockname()[1]
