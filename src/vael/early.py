"""Floor 0: being asked to stop before there is anything to save.

A launcher holds the signals back (`block`) until somebody can answer them. From then on (`arm`) a
signal ends the process in an orderly way; `vael.stop` takes over for the training.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vael import ranks, slurm

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
lost: list[int] = []  # raised where Python ignores errors, as in __del__: stop at the first step


class StoppedEarly(SystemExit):
    """A signal came before the first step: there was nothing to save.

    No Exception, so that nobody takes it for a fault of the data or of a package.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._told = False
        super().__init__(exit_code(number))

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.number).name} before its first step"

    def tell(self) -> None:
        """Prints it, once, by the first process of a run where nobody else tells."""
        if ranks.first() and ranks.SUPERVISED not in os.environ and not self._told:
            print(f"vael: {self}", file=sys.stderr)
        self._told = True

    def requeue(self) -> None:
        """After SLURM's warning: queues this job again."""
        if self.number == signal.SIGUSR1 and slurm.requeue_self():
            print("vael: SLURM has queued this job again", file=sys.stderr)


def exit_code(number: int) -> int:
    """Of a process that this signal has stopped."""
    return 130 if number == signal.SIGINT else 143


def block() -> None:
    """Keeps the signals for later, also over an exec and in new children."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def unblock() -> None:
    """What was kept comes now, as it would in any Python."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def blocked() -> Iterator[None]:
    """The same for a while: children that are started meanwhile answer when they can."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def arm() -> None:
    """From now on a signal raises StoppedEarly; one that was kept does at once."""
    for number in SIGNALS:
        signal.signal(number, _leave)
    unblock()


@contextmanager
def heard() -> Iterator[None]:
    """Stops early also where what a signal raised was ignored, and broke something.

    Torch tries numpy's import and forgets what comes of it; a second try is an ImportError.
    """
    try:
        yield
    except Exception as error:
        if lost:
            raise StoppedEarly(lost[-1]) from error
        raise


def disarm() -> None:
    """The signals do what they do in any Python."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unblock()


def _leave(number: int, frame: FrameType | None) -> None:
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # it is leaving
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lost.append(number)
    raise StoppedEarly(number)
