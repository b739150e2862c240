"""Table of a sweep's trials, out of the study and the run folders."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vael.errors import VaelError
from vael.runs.folder import RunFolder
from vael.runs.summary import finite_number, peek_summary, pick_scores, read_summary
from vael.sweep.study.records import trial_folder

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

State = Literal["complete", "pruned", "failed", "running", "waiting"]
STATES: Mapping[str, State] = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}
FINISHED: tuple[State, ...] = ("complete", "pruned", "failed")


@dataclass(frozen=True)
class TrialRow:
    """One trial of a sweep.

    Attributes:
        values: one for each target; empty where the trial has none. Of a pruned trial, the last
            that it reported.
        reason: why it was pruned or failed, in one line.
        params: by the dotted name of the config.
        seconds: of training.
        folder: of its run.
        started: when it was first worked on, ISO 8601; None while it waits.
        ended: when its outcome was told, ISO 8601; None while it has none.
        metrics: ``val/*`` of its summary: the scores of its best epoch.
        feasible: whether it keeps the constraints of the sweep; only such are ranked.
    """

    number: int
    state: State
    values: tuple[float, ...]
    reason: str | None
    params: Mapping[str, Any]
    epochs: int | None
    seconds: float | None
    attempts: int
    folder: Path
    started: str | None = None
    ended: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    feasible: bool = True

    @property
    def finished(self) -> bool:
        """Whether the trial counts towards the budget."""
        return self.state in FINISHED

    def choice(self, name: str) -> Any:
        """Return a parameter's value, "null" of null; None where the trial does not have it."""
        return (
            "null" if name in self.params and self.params[name] is None else self.params.get(name)
        )


class TrialTable:
    """The rows of a study. What has ended stays as it is: its run is read once.

    Args:
        folder: the sweep's; what a run adds is read from ``folder/trials/NNNN/summary.json``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ended: dict[int, TrialRow] = {}

    def rows(self, trials: Iterable["FrozenTrial"]) -> list[TrialRow]:
        """Return a row for each trial, by number.

        Args:
            trials: ``study.get_trials(deepcopy=False)``. The user attributes ``reason`` and
                ``attempts`` are read where a trial has them.
        """
        found = []
        for trial in trials:
            row = self._ended.get(trial.number)
            if row is None:
                row = make_row(trial, trial_folder(self.folder, trial.number))
                if row.finished:
                    self._ended[trial.number] = row
            found.append(row)
        return found


def make_row(trial: "FrozenTrial", run: Path) -> TrialRow:
    """Make the row of a trial out of the study and its run."""
    summary = peek_summary(run)
    reason = trial.user_attrs.get("reason") or summary.get("reason")
    return TrialRow(
        number=trial.number,
        state=STATES[trial.state.name],
        values=tuple(trial.values or ()),
        reason=str(reason) if reason else None,
        params=dict(trial.params),
        epochs=_whole(summary.get("epochs")),
        seconds=finite_number(summary.get("seconds")),
        attempts=_whole(trial.user_attrs.get("attempts")) or 1,
        folder=run,
        started=trial.datetime_start.isoformat() if trial.datetime_start else None,
        ended=trial.datetime_complete.isoformat() if trial.datetime_complete else None,
        metrics=pick_scores(summary),
        feasible=is_feasible(trial),
    )


def is_feasible(trial: "FrozenTrial") -> bool:
    """Tell whether a trial keeps every constraint that was recorded of it."""
    return all(excess <= 0 for excess in trial.constraints.values())


def read_targets(run: Path, targets: Sequence[str]) -> list[float]:
    """Read the scores and costs of a finished run, one for each target.

    Raises:
        VaelError: one is missing or not finite, or the summary cannot be read.
    """
    summary = read_summary(run) or {}
    known = {**summary, **(summary.get("metrics") or {})}
    found = []
    for target in targets:
        value = finite_number(known.get(target))
        if value is None:
            raise VaelError(f"{target} is {known.get(target)} in {RunFolder(run).summary}")
        found.append(value)
    return found


def _whole(value: object) -> int | None:
    found = finite_number(value)
    return None if found is None else int(found)
