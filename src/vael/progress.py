"""Tell how much of a long computation is left: a bar on a terminal, else lines of a log."""

import sys
import time
from typing import TYPE_CHECKING

from vael.text import clock_text

if TYPE_CHECKING:
    from rich.progress import Progress

FIRST_SECONDS, LONGEST_SECONDS = 3.0, 60.0  # to the first line of a log, and between two


class Countdown:
    """Tell the remaining time of ``total`` equal steps while it is entered.

    Args:
        what: is computed.
        total: number of steps.
        refresh_seconds: the least time between two redraws.
    """

    def __init__(self, what: str, total: int, refresh_seconds: float = 0.3) -> None:
        self.what, self.total, self.refresh_seconds = what, total, refresh_seconds
        self._done = 0
        self._next = 0.0
        self._pause = FIRST_SECONDS
        self._progress: Progress | None = None

    def __enter__(self) -> "Countdown":
        """Show it from now on."""
        from rich import progress
        from rich.console import Console

        self._started = time.monotonic()
        console = Console(stderr=True)
        if console.is_terminal:
            shown = progress.BarColumn(), progress.TaskProgressColumn()
            left = progress.TextColumn("left:"), progress.TimeRemainingColumn()
            what = progress.TextColumn("{task.description}")
            self._progress = progress.Progress(
                what, *shown, *left, console=console, auto_refresh=False
            )
            self._progress.start()
            self._task = self._progress.add_task(self.what, total=self.total)
            self._pause = self.refresh_seconds
        self._next = self._started + self._pause
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress is not None:
            self._draw()
            self._progress.stop()

    def add(self, steps: int) -> None:
        """Say that so many more steps are done."""
        self.at(self._done + steps)

    def at(self, done: int) -> None:
        """Say that so many steps are done."""
        self._done = done
        if time.monotonic() >= self._next:
            self._draw()
            self._next = time.monotonic() + self._pause

    def _draw(self) -> None:
        if self._progress is not None:
            self._progress.update(self._task, completed=self._done)
            self._progress.refresh()
            return
        if self._done == 0:
            return
        self._pause = min(2 * self._pause, LONGEST_SECONDS)
        spent = time.monotonic() - self._started
        left = spent / self._done * (self.total - self._done)
        text = f"{self.what}: {self._done / self.total:.0%}, {clock_text(left)} left"
        print(text, file=sys.stderr, flush=True)
