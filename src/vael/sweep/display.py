"""Progress of a sweep on a terminal, or in a log."""

import time
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vael.sweep.study.ranking import Goal, counts_text, find_best
from vael.sweep.study.table import TrialRow
from vael.sweep.text import params_text, printable, score_text
from vael.sweep.workers.status import WorkerState
from vael.text import clock_text, count_text, duration_text

NUMBERS = 38  # columns of a terminal that all but the worker's name need
MIN_NAME = 6
BAR = 20  # characters


class LogDisplay:
    """Display in a log: one line for each trial that finishes, with the best so far."""

    def __init__(self, goal: Goal, console: Console) -> None:
        self.goal = goal
        self._console = console
        self._known: set[int] | None = None

    def update(self, workers: Sequence[WorkerState], rows: Sequence[TrialRow]) -> None:
        """Print what has finished since the last look; what was there at the first is counted."""
        finished = {row.number: row for row in rows if row.finished}
        if self._known is None:
            self._known = set(finished)
            if finished:
                self.note(
                    f"{self.goal.name}: going on after {counts_text(self.goal, rows)}; "
                    f"{best_text(self.goal, rows)}"
                )
            return
        new = [row for number, row in finished.items() if number not in self._known]
        for row in sorted(new, key=lambda row: (row.ended or "", row.number)):
            self._known.add(row.number)
            seen = [r for r in rows if r.number in self._known]
            self.note(
                f"{trial_text(self.goal, row)}  [{len(self._known)}"
                f"{_of(self.goal.trials)}; {best_text(self.goal, seen, params=False)}]"
            )

    def note(self, text: str) -> None:
        """Print one line, whatever its length."""
        self._console.print(Text(printable(text)), soft_wrap=True)

    def close(self) -> None:
        """Do nothing: a log has no terminal to give back."""


class LiveDisplay:
    """Display on a terminal: counts, the best so far and a line per worker, redrawn in place.

    Args:
        now: seconds since the epoch.
    """

    def __init__(self, goal: Goal, console: Console, now: Callable[[], float] = time.time) -> None:
        self.goal = goal
        self._now = now
        self._begun: tuple[float, int] | None = None
        self._live = Live(console=console, auto_refresh=False)

    def update(self, workers: Sequence[WorkerState], rows: Sequence[TrialRow]) -> None:
        """Redraw the lines."""
        if not self._live.is_started:
            self._live.start()
        self._live.update(self._drawn(workers, rows), refresh=True)

    def note(self, text: str) -> None:
        """Print a line that stays, above the live ones."""
        self._live.console.print(Text(printable(text)))

    def close(self) -> None:
        """Give the terminal back with the last state on it; can be called twice."""
        self._live.stop()

    def _drawn(self, workers: Sequence[WorkerState], rows: Sequence[TrialRow]) -> Group:
        texts = (
            f"{self._left(rows)}{counts_text(self.goal, rows)}  {printable(self.goal.name)}"
            f"{bar_text(self.goal, rows)}",
            best_text(self.goal, rows),
        )
        lines = [Text(text, no_wrap=True, overflow="ellipsis", style="bold") for text in texts]
        return Group(*lines, *([self._table(workers)] if workers else []))

    def _left(self, rows: Sequence[TrialRow]) -> str:
        """Estimate the time left if trials go on finishing as since the first look."""
        done = sum(row.finished for row in rows)
        if self._begun is None:
            self._begun = self._now(), done
        since, before = self._begun
        if self.goal.trials is None or done <= before or done >= self.goal.trials:
            return ""
        seconds = (self._now() - since) / (done - before) * (self.goal.trials - done)
        return f"~{duration_text(seconds)} left, "

    def _table(self, workers: Sequence[WorkerState]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("worker", no_wrap=True)
        table.add_column("trial", no_wrap=True)
        for name in ("epoch", Text(self.goal.targets[0]), "time"):
            table.add_column(name, justify="right", no_wrap=True)
        room = max(MIN_NAME, self._live.console.width - NUMBERS)
        for state in sorted(workers, key=lambda state: state.worker):
            name = printable(state.worker)
            short = name if len(name) <= room else "…" + name[1 - room :]  # its end differs
            table.add_row(*map(Text, (short, *self._cells(state))))
        return table

    def _cells(self, state: WorkerState) -> tuple[str, ...]:
        if state.number is None:
            return "idle", "", "", ""
        what = f"seed {state.number}" if state.kind == "confirmation" else str(state.number)
        epoch = "" if state.epoch is None else f"{state.epoch}{_of(state.of)}"
        elapsed = "" if state.since is None else clock_text(self._now() - state.since)
        value = "" if state.value is None else f"{state.value:.4f}"
        return what, epoch, value, elapsed


Display = LiveDisplay | LogDisplay


def make_display(goal: Goal, console: Console | None = None) -> Display:
    """Make a display: live lines on a terminal, a line per finished trial elsewhere."""
    console = console or Console()
    return LiveDisplay(goal, console) if console.is_terminal else LogDisplay(goal, console)


def bar_text(goal: Goal, rows: Sequence[TrialRow]) -> str:
    """Draw how much of the budget is used; empty where it has none."""
    if not goal.trials:
        return ""
    full = round(BAR * min(1.0, sum(row.finished for row in rows) / goal.trials))
    return f"  {'█' * full}{'░' * (BAR - full)}"


def stopped_text(goal: Goal, rows: Sequence[TrialRow]) -> str:
    """Say of a sweep that was stopped where it stands and how it goes on."""
    done, waiting = sum(row.finished for row in rows), sum(row.state == "waiting" for row in rows)
    left = "its best is yet to be trained again on fresh seeds"
    trials = count_text(done, "trial") if goal.trials is None else f"{done}/{goal.trials} trials"
    where = f"after {trials}" + (f" ({waiting} waiting)" if waiting else "")
    more = f"; {left}" if goal.trials and done >= goal.trials else ""
    return f"stopped {where}{more}: the same command goes on"


def best_text(goal: Goal, rows: Sequence[TrialRow], params: bool = True) -> str:
    """Describe the best so far, or say how many are on the Pareto front."""
    found = find_best(rows, goal.directions)
    if not found:
        broken = not all(row.feasible for row in rows)
        return "no trial that keeps the constraints yet" if broken else "no complete trial yet"
    if len(goal.targets) > 1:
        return f"best: {len(found)} on the Pareto front of {' and '.join(goal.targets)}"
    [row] = found
    text = f"best {goal.targets[0]} {row.values[0]:.4f}: trial {row.number}"
    return f"{text}  {params_text(row.params)}".rstrip() if params else text


def trial_text(goal: Goal, row: TrialRow) -> str:
    """Describe how a trial ended: number, state, values or reason, parameters, seconds."""
    values = ", ".join(
        f"{target} {score_text(value)}"
        for target, value in zip(goal.targets, row.values, strict=False)
    )
    parts = [
        f"trial {row.number}",
        row.state,
        values if row.state == "complete" else "",
        f"({printable(row.reason)})" if row.reason else "",
        params_text(row.params),
        "" if row.seconds is None else duration_text(row.seconds),
    ]
    return "  ".join(part for part in parts if part)


def _of(total: int | None) -> str:
    return "" if total is None else f"/{total}"
