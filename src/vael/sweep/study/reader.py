"""Reader of a study: its definition, its storage and the table of its trials.

What changes more than one thing goes through ``_one_at_a_time``: under the sweep's lock, and as
often as the storage needs.
"""

import math
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, TypeVar

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from vael.errors import ConfigError
from vael.files import locked
from vael.sweep.spec.definition import Definition
from vael.sweep.spec.domain import Value
from vael.sweep.spec.grammar import parse_space
from vael.sweep.spec.snapshot import SNAPSHOT, Snapshot, read_snapshot
from vael.sweep.spec.space import Space
from vael.sweep.study import samplers, storage
from vael.sweep.study.history import TrialHistory
from vael.sweep.study.proposal import Proposer
from vael.sweep.study.ranking import Goal
from vael.sweep.study.records import trial_folder
from vael.sweep.study.table import TrialRow, TrialTable

T = TypeVar("T")


class StudyReader:
    """Read access to the study of a sweep.

    Args:
        folder: of the sweep.
        url: of the storage, with its password.
        light: whether the intermediate values of what runs may be old (``Database``), unless
            sampler or pruner are not Optuna's or ours, and may look at them.

    Attributes:
        folder: of the sweep.
        space: what it searches.
        storage: of the study.
        id: of the study in its storage.
        url: of the storage, with its password: not to be shown.
        stop_retrying: whether there is no time to wait for a storage that is away.
    """

    def __init__(self, folder: Path, url: str, light: bool = False) -> None:
        self.folder = folder
        self.url = url
        self._snapshot = read_snapshot(folder)
        self._read_at = (folder / SNAPSHOT).stat().st_mtime_ns
        d = self._snapshot.definition
        self.space: Space = parse_space(d.space, d.when)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = samplers.make_sampler(d.sampler, d.seed, 0)
            pruner = samplers.make_pruner(d.pruner, self._snapshot.epochs, d.trials)
            light = light and samplers.are_known(sampler, pruner)
            self._study = optuna.load_study(
                study_name=d.name,
                storage=storage.connect_storage(url, folder, light),
                sampler=sampler,
                pruner=pruner,
            )
        self.storage: BaseStorage = self._study._storage
        self.id = self._study._study_id
        self._table = TrialTable(folder)
        self._history = TrialHistory(self.space)
        self.stop_retrying: Callable[[], bool] = lambda: False

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the study of a sweep's folder, which ``vael sweep`` has made.

        Raises:
            ConfigError: it is none, or its storage is another than ``VAEL_STORAGE`` names.
            StorageAway: the storage cannot be reached for long.
        """
        recorded = read_snapshot(folder).definition
        url = _locate_recorded(recorded, folder)
        return storage.retry_while_unavailable(lambda: cls(folder, url), recorded.patience, url)

    @property
    def definition(self) -> Definition:
        """The definition as it is now: another ``vael sweep`` may have raised the budget."""
        return self.snapshot.definition

    @property
    def snapshot(self) -> Snapshot:
        """Everything in sweep.yaml, as it is now."""
        read_at = (self.folder / SNAPSHOT).stat().st_mtime_ns
        if read_at != self._read_at:
            self._snapshot, self._read_at = read_snapshot(self.folder), read_at
        return self._snapshot

    @property
    def goal(self) -> Goal:
        """The goal of the sweep."""
        d = self.definition
        return Goal(d.name, d.targets, d.directions, d.trials)

    @property
    def target(self) -> str:
        """The (first) score that is searched for."""
        return self._snapshot.definition.targets[0]

    @property
    def prunes(self) -> bool:
        """Whether reports can end a trial."""
        return self._snapshot.definition.pruner is not None

    def trials(self) -> list[FrozenTrial]:
        """Return all trials, by number."""
        return self._retry(lambda: self._study.get_trials(deepcopy=False))

    def rows(self) -> list[TrialRow]:
        """Return all trials as a table."""
        return self._retry(self._rows)

    def seconds_left(self) -> float:
        """Return how long trials may still begin, by ``limits.study_hours``; inf without it."""
        hours = self.definition.limits.study_hours
        return math.inf if hours is None else self._snapshot.started + 3600 * hours - time.time()

    def describe_end(self) -> str | None:
        """Say in a sentence why no further trial begins before the budget; None: one may."""
        trials, d = self.trials(), self.definition
        self._history.update(trials)
        if self._history.exhausted:
            return (
                f"The space is exhausted: all of its {self.space.size()} points have been tried."
            )
        left, hours = self.seconds_left(), d.limits.study_hours
        if hours is None or d.trials is None or len(trials) >= d.trials:
            return None
        if not self._history.open:  # what is left may be too short for another trial
            left -= max((row.seconds or 0.0 for row in self._table.rows(trials)), default=0.0)
        if left > 0:
            return None
        return f"The time is spent (limits.study_hours: {hours:g})."

    def preview(self, count: int) -> list[Mapping[str, Value]]:
        """Return what the sampler would try next, by what it knows now; nothing is stored."""
        d, trials = self.definition, self.trials()
        self._history.update(trials)
        if d.sampler == samplers.GRID:
            return []  # its points are there already
        proposer = Proposer(self._study, self.space)

        def propose() -> list[FrozenTrial]:
            drafts: list[FrozenTrial] = []
            for _ in range(count):
                draft = proposer.propose(d, [*trials, *drafts], self._history)
                drafts += [] if draft is None else [draft]
            return drafts

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # optuna's about private use and experiments
            return [draft.params for draft in self._retry(propose)]

    def _rows(self) -> list[TrialRow]:
        return self._table.rows(self._study.get_trials(deepcopy=False))

    def _reason(self, trial: FrozenTrial, reason: str | None) -> None:
        if reason:
            line = " ".join(reason.split())[:500]
            self.storage.set_trial_user_attr(trial._trial_id, "reason", line)

    def _trial(self, number: int) -> FrozenTrial:
        return self.storage.get_trial(
            self.storage.get_trial_id_from_study_id_trial_number(self.id, number)
        )

    def _state(self, trial: FrozenTrial) -> TrialState:
        return self.storage.get_trial(trial._trial_id).state

    def _set(self, trial: FrozenTrial, state: TrialState) -> None:
        self.storage.set_trial_state_values(trial._trial_id, state)

    def _run(self, number: int) -> Path:
        return trial_folder(self.folder, number)

    def _one_at_a_time(self, step: Callable[[float], T]) -> T:
        def alone() -> T:
            with locked(self.folder / "lock") as now:
                return step(now)

        return self._retry(alone)

    def _retry(self, operation: Callable[[], T]) -> T:
        patience = self._snapshot.definition.patience
        return storage.retry_while_unavailable(operation, patience, self.url, self.stop_retrying)


def _locate_recorded(d: Definition, folder: Path) -> str:
    """Locate the storage of a started sweep, with its password where ``VAEL_STORAGE`` has it.

    Raises:
        ConfigError: ``VAEL_STORAGE`` names another storage than the sweep's.
    """
    recorded = storage.locate_storage(d.storage, folder)
    given = storage.locate_storage(None, folder)
    if given == storage.JOURNAL:
        return recorded
    if storage.redact_url(given) != storage.redact_url(recorded):
        raise ConfigError(
            f"{storage.ENVIRONMENT} is {storage.redact_url(given)}, but the study of {folder} is "
            f"in {storage.redact_url(recorded)}: set it to that, or unset it."
        )
    return given
