"""Floor 8: being asked to stop: save, say so, and go on later as if nothing had happened."""

import signal
from pathlib import Path
from types import FrameType

from vael.early import SIGNALS, exit_code, lost
from vael.errors import VaelError

STOP = "stop.json"  # in a run's folder: others ask it to stop for good


class Stopped(VaelError):
    """The run saved a checkpoint and stopped because a signal asked it to."""

    def __init__(self, number: int, step: int, run: Path) -> None:
        self.number = number
        name = signal.Signals(number).name
        super().__init__(
            f"stopped by {name} after step {step}; all is saved: continue with vael train {run}"
        )
        self.exit_code = exit_code(number)


class StopRequest:
    """Remembers the first SIGINT, SIGTERM or SIGUSR1 (SLURM's warning before a time limit).

    A second Ctrl-C stops at once, without saving.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "StopRequest":
        self.number = lost.pop() if lost else self.number
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        self.arm()
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def arm(self) -> None:
        """Takes the signals, also from Lightning.

        Lightning would stop between an epoch's last batch and its end, and lose that end.
        """
        for number in SIGNALS:
            signal.signal(number, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = self.number or number
