"""Floor 10: the study in its storage, with the table of its trials, and every way to reach both.

What changes more than one thing goes through ``_one_at_a_time``: under the sweep's lock, and as
often as the storage needs.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from vael.errors import ConfigError
from vael.files import locked
from vael.sweep import frozen, optuna_nodes, storage
from vael.sweep.definition import Definition
from vael.sweep.frozen import Frozen
from vael.sweep.grammar import parse_space
from vael.sweep.ranking import Goal
from vael.sweep.rows import Table, TrialRow
from vael.sweep.space import Space

T = TypeVar("T")


class Book:
    """One sweep's study, to be read.

    Attributes:
        folder: of the sweep.
        space: what it searches.
        url: of the storage, with its password: not to be shown.
        hurried: whether there is no time to wait for a storage that is away.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self._frozen = frozen.read(folder)
        self._read_at = (folder / frozen.NAME).stat().st_mtime_ns
        d = self._frozen.definition
        self.space: Space = parse_space(d.space, d.when)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study = optuna.load_study(
                study_name=d.name,
                storage=storage.connect(url, folder),
                sampler=optuna_nodes.sampler(d.sampler, d.seed, 0),
                pruner=optuna_nodes.pruner(d.pruner, self._frozen.epochs),
            )
        self._storage = self._study._storage
        self._table = Table(folder)
        self.hurried: Callable[[], bool] = storage.never

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The study of a sweep's folder, which ``vael sweep`` has made.

        Raises:
            ConfigError: it is none, or its storage is another than ``VAEL_STORAGE`` names.
            StorageAway: the storage cannot be reached for long.
        """
        recorded = frozen.read(folder).definition
        url = locate(recorded, folder)
        return storage.patiently(lambda: cls(folder, url), recorded.patience, url)

    # ------------------------------------------------------------------------- what is asked of it

    @property
    def definition(self) -> Definition:
        """As it is now: another ``vael sweep`` may have raised the budget meanwhile."""
        return self.frozen.definition

    @property
    def frozen(self) -> Frozen:
        """All of sweep.yaml."""
        read_at = (self.folder / frozen.NAME).stat().st_mtime_ns
        if read_at != self._read_at:
            self._frozen, self._read_at = frozen.read(self.folder), read_at
        return self._frozen

    @property
    def storage(self) -> BaseStorage:
        """What it is kept in."""
        return self._storage

    @property
    def id(self) -> int:
        """In its storage."""
        return self._study._study_id

    @property
    def goal(self) -> Goal:
        """What the sweep wants."""
        d = self.definition
        return Goal(d.name, d.targets, d.directions, d.trials)

    @property
    def target(self) -> str:
        """The (first) score that is searched for."""
        return self._frozen.definition.targets[0]

    @property
    def prunes(self) -> bool:
        """Whether reports can end a trial."""
        return self._frozen.definition.pruner is not None

    def trials(self) -> list[FrozenTrial]:
        """All, by number."""
        return self._patiently(lambda: self._study.get_trials(deepcopy=False))

    def rows(self) -> list[TrialRow]:
        """All as a table."""
        return self._patiently(self._rows)

    def _rows(self) -> list[TrialRow]:
        return self._table.rows(self._study.get_trials(deepcopy=False))

    # ---------------------------------------------------------------------- what its own steps use

    def _reason(self, trial: FrozenTrial, reason: str | None) -> None:
        if reason:
            line = " ".join(reason.split())[:500]
            self._storage.set_trial_user_attr(trial._trial_id, "reason", line)

    def _trial(self, number: int) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[number]

    def _state(self, trial: FrozenTrial) -> TrialState:
        return self._storage.get_trial(trial._trial_id).state

    def _set(self, trial: FrozenTrial, state: TrialState) -> None:
        self._storage.set_trial_state_values(trial._trial_id, state)

    def _run(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:04d}"

    def _one_at_a_time(self, step: Callable[[float], T]) -> T:
        def alone() -> T:
            with locked(self.folder / "lock") as now:
                return step(now)

        return self._patiently(alone)

    def _patiently(self, operation: Callable[[], T]) -> T:
        patience = self._frozen.definition.patience
        return storage.patiently(operation, patience, self.url, self.hurried)


def locate(d: Definition, folder: Path) -> str:
    """The storage of a frozen sweep, with its password where ``VAEL_STORAGE`` has it.

    Raises:
        ConfigError: ``VAEL_STORAGE`` names another storage than the sweep's.
    """
    recorded = storage.locate(d.storage, folder)
    given = storage.locate(None, folder)
    if given == storage.JOURNAL:
        return recorded
    if storage.redacted(given) != storage.redacted(recorded):
        raise ConfigError(
            f"{storage.ENVIRONMENT} is {storage.redacted(given)}, but the study of {folder} is "
            f"in {storage.redacted(recorded)}: set it to that, or unset it."
        )
    return given
