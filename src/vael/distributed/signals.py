"""Signals that ask a process to stop: one set, one exit code, one way to handle them.

A launcher holds the signals back (`block`) until somebody can answer them. From then on (`arm`) a
signal ends the process in an orderly way, until a `StopRequest` takes over.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Self

from vael.distributed import ranks, slurm
from vael.errors import VaelError
from vael.text import word_command

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)  # USR1: SLURM's warning of a time limit
lost: list[int] = []  # raised where Python ignores errors, as in __del__: stop at the first step

Handler = Callable[[int, FrameType | None], None]


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
        """Print the reason once: in the first process of a run, unless its supervisor does."""
        if ranks.is_first_rank() and ranks.SUPERVISED not in os.environ and not self._told:
            print(f"vael: {self}", file=sys.stderr)
        self._told = True

    def requeue(self) -> None:
        """Queue this job again after SLURM's warning."""
        if self.number == signal.SIGUSR1 and slurm.requeue_self():
            print("vael: SLURM has queued this job again", file=sys.stderr)


class Stopped(VaelError):
    """The run saved a checkpoint and stopped because a signal asked it to."""

    def __init__(self, number: int, step: int, run: Path) -> None:
        self.number = number
        name = signal.Signals(number).name
        super().__init__(
            f"stopped by {name} after step {step}; all is saved: continue with "
            f"{word_command('vael', 'train', run)}"
        )
        self.exit_code = exit_code(number)


class StopRequest:
    """Remember the first signal that came while it was entered.

    Args:
        on_signal: called with each signal, at once.

    Attributes:
        number: the first signal; 0 where none came.
        impatient: whether Ctrl-C came twice.
    """

    def __init__(self, on_signal: Callable[[int], None] = lambda number: None) -> None:
        self._on_signal = on_signal
        self.number = 0
        self.impatient = False
        self._handlers = ExitStack()

    def __enter__(self) -> Self:
        self._handlers.enter_context(handling(self._remember))
        return self

    def __exit__(self, *exception: object) -> None:
        self._handlers.close()

    def __bool__(self) -> bool:
        return self.number != 0

    @property
    def code(self) -> int:
        """Exit code of a process that this signal has stopped."""
        return exit_code(self.number)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.impatient = self.number == number == signal.SIGINT
        self.number = self.number or number
        self._on_signal(number)


class TrainingStopRequest(StopRequest):
    """Remember the first signal of a training, lost ones too; a second Ctrl-C stops at once."""

    def __enter__(self) -> Self:
        self.number = lost.pop() if lost else self.number
        return super().__enter__()

    def retake(self) -> None:
        """Take the signals from Lightning.

        Lightning would stop between an epoch's last batch and its end, and lose that end.
        """
        for number in SIGNALS:
            signal.signal(number, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        super()._remember(number, frame)


def exit_code(number: int) -> int:
    """Return the exit code of a process that this signal has stopped."""
    return 130 if number == signal.SIGINT else 143


@contextmanager
def handling(handler: Handler) -> Iterator[None]:
    """Handle the signals for a while, then as before."""
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def ignore_sigint() -> Iterator[None]:
    """Ignore Ctrl-C for a while, as children that are started meanwhile do from then on."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def block() -> None:
    """Keep the signals for later, also over an exec and in new children."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def unblock() -> None:
    """Let the signals that were kept come now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def blocked() -> Iterator[None]:
    """Keep the signals for a while: children that are started meanwhile answer when they can."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def arm() -> None:
    """Raise StoppedEarly at a signal from now on; one that was kept comes at once."""
    for number in SIGNALS:
        signal.signal(number, _stop_early)
    unblock()


def disarm() -> None:
    """Let the signals do what they do in any Python."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unblock()


@contextmanager
def stop_on_lost_signal() -> Iterator[None]:
    """Stop early also where what a signal raised was ignored, and broke something.

    Torch tries numpy's import and forgets what comes of it; a second try is an ImportError.
    """
    try:
        yield
    except Exception as error:
        if lost:
            raise StoppedEarly(lost[-1]) from error
        raise


def _stop_early(number: int, frame: FrameType | None) -> None:
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # it is leaving
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lost.append(number)
    raise StoppedEarly(number)
