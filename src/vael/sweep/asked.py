"""Floor 10: whether a worker, or the engine, has been asked to stop."""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Asked:
    """Remembers SIGINT, SIGTERM and SIGUSR1 (SLURM's warning before a time limit).

    Args:
        heard: called with each of them, at once.

    Attributes:
        number: the first signal; 0 where none came.
        impatient: whether Ctrl-C came twice.
    """

    def __init__(self, heard: Callable[[int], None] = lambda number: None) -> None:
        self._heard = heard
        self.number = 0
        self.impatient = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Asked":
        self._before = {number: signal.signal(number, self._remember) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        return self.number != 0

    @property
    def code(self) -> int:
        """The exit code of who stops because of it: 130 after Ctrl-C, else 143."""
        return 130 if self.number == signal.SIGINT else 143

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.impatient = self.number == number == signal.SIGINT
        self.number = self.number or number
        self._heard(number)
