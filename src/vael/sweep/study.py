"""Floor 10: the study: which trial is whose, what it tries, and what became of it.

    claim ──► RUNNING + lease ──► finish: COMPLETE | PRUNED | FAIL        counts to the budget
                    │   └───────► finish: lost, stopped ──► WAITING ──► claim
                    └── its worker dies, the lease goes stale ──────────► claim

Claiming and finishing happen one at a time, under the sweep's lock, and every step of them can be
done again: whoever dies in between, or whatever the storage forgets to answer, the next claim
mends it. Trial numbers are 0 .. N-1 and each ends once: the budget is exact.
"""

import logging
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from vael.errors import ConfigError, VaelError
from vael.status import read_summary
from vael.sweep import attempts, confirm, freeze, frozen, lease, optuna_nodes, result, storage
from vael.sweep.definition import Definition
from vael.sweep.frozen import Frozen
from vael.sweep.lock import locked
from vael.sweep.ranking import Goal
from vael.sweep.records import Claim, Outcome, Wait
from vael.sweep.rows import Table, TrialRow, number
from vael.sweep.space import Space, parse_space

T = TypeVar("T")
log = logging.getLogger("vael")


class Study:
    """One sweep's study, as a worker sees it.

    ``claim``, ``report`` and ``finish`` may take minutes while the storage is away: a worker
    touches its lease from another thread meanwhile.

    Attributes:
        folder: of the sweep.
        space: what it searches.
        url: of the storage, with its password: not to be shown.
        watch: over the leases of others.
        weights: which trials keep theirs.
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
                study_name=d.name, storage=storage.connect(url, folder),
                sampler=optuna_nodes.sampler(d.sampler, d.seed, 0),
                pruner=optuna_nodes.pruner(d.pruner, self._frozen.epochs),
            )
        self._storage = self._study._storage
        self.watch = lease.Watch()
        self.weights = result.Weights()
        self._table = Table(folder)
        self.hurried: Callable[[], bool] = storage.never

    @classmethod
    def open(cls, folder: Path) -> "Study":
        """The study of a sweep's folder, which ``vael sweep`` has made.

        Raises:
            ConfigError: it is none, or its storage is another than ``VAEL_STORAGE`` names.
            StorageAway: the storage cannot be reached for long.
        """
        recorded = frozen.read(folder).definition
        url = locate(recorded, folder)

        def opened() -> Study:
            return cls(folder, url)

        return storage.patiently(opened, recorded.patience, url)

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

    # --------------------------------------------------------------------------------------- claim

    def claim(self, worker: str) -> Claim | Wait | None:
        """The next thing to do: a trial, or a run of the best configuration.

        A trial that waits or was orphaned comes first, then a new one while the budget lasts.

        Args:
            worker: its name, for the lease.

        Returns:
            ``Wait`` where all is taken but not finished; None where all is done.
        """
        while True:
            found = self._one_at_a_time(lambda now: self._claim(worker, now))
            if not isinstance(found, Claim) or self._frozen_for(found):
                return found

    def _claim(self, worker: str, now: float) -> Claim | Wait | None:
        d, held = self.definition, False
        assert d.trials is not None
        in_time = self._in_time(d)
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials:
            if trial.state.is_finished():
                continue
            if trial.state == TrialState.RUNNING:
                if not lease.stale(self._run(trial.number), d.lease, self.watch, now):
                    held = True
                    continue
                if not self._orphaned(trial, d):
                    continue
            elif not (self._run(trial.number) / "config.yaml").exists() and not in_time:
                continue
            if trial.number < d.trials:
                return self._begin(trial, worker)
        if len(trials) < d.trials and in_time:
            self._study.sampler = optuna_nodes.sampler(d.sampler, d.seed, len(trials))
            return self._begin(self._storage.get_trial(self._study.ask()._trial_id), worker)
        if held:
            return Wait()
        return confirm.claim(self, self._rows(), worker, now)

    def _in_time(self, d: Definition) -> bool:
        hours = d.limits.study_hours
        return hours is None or time.time() < self._frozen.started + 3600 * hours

    def _orphaned(self, trial: FrozenTrial, d: Definition) -> bool:
        """Counts the loss of a RUNNING trial that nobody runs; False where it was one too many."""
        run = self._run(trial.number)
        before = lease.holder(run)
        self._set(trial, TrialState.WAITING)
        if before is not None:  # else its worker died before it began
            return self._lost(trial, f"worker {before.worker} is gone", d)
        return True

    def _lost(self, trial: FrozenTrial, reason: str, d: Definition) -> bool:
        run = self._run(trial.number)
        lease.free(run)
        counted = attempts.lose(run, reason)
        if counted.lost <= d.retries:
            return True
        self._fail(trial, f"lost {counted.lost} times: {reason}")
        return False

    def _begin(self, trial: FrozenTrial, worker: str) -> Claim:
        """Makes a trial this worker's."""
        run = self._run(trial.number)
        if self._state(trial) == TrialState.WAITING:
            self._set(trial, TrialState.RUNNING)
        run.mkdir(parents=True, exist_ok=True)
        if not (run / "config.yaml").exists():
            self._suggest(trial)
        attempt = attempts.begin(run)
        self._storage.set_trial_user_attr(trial._trial_id, "attempts", attempt)
        lease.take(run, worker, attempt)
        return Claim("trial", trial.number, run, attempt)

    def _suggest(self, trial: FrozenTrial) -> None:
        """Chooses what it tries; what was chosen before its worker died stays."""
        d = self._frozen.definition
        self._study.sampler = optuna_nodes.sampler(d.sampler, d.seed, trial.number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # optuna's about private use and experiments
            self.space.suggest(optuna.trial.Trial(self._study, trial._trial_id))

    def _frozen_for(self, claim: Claim) -> bool:
        """Writes config.yaml where there is none, outside of the lock: composing takes a while.

        False where the combination cannot work: the trial has failed.
        """
        if (claim.folder / "config.yaml").exists():
            return True
        try:
            trial = self._patiently(lambda: self._trial(claim.number))
            overrides = self.space.overrides(trial.params)
            d = self._frozen.definition
            config = freeze.trial_config(d, overrides, claim.number, self._frozen.threads)
            freeze.freeze(claim.folder, config)
        except ConfigError as error:
            self.finish(claim, Outcome("failed", str(error)))
            return False
        except BaseException:
            self.finish(claim, Outcome("stopped"))
            raise
        return True

    # ------------------------------------------------------------------------------ report, finish

    def report(self, claim: Claim, step: int, value: float) -> bool:
        """Tells an intermediate value of the target; True where the pruner says stop.

        Args:
            claim: whose value it is; a confirmation is never pruned.
            step: epochs done.
            value: of ``target``, after this epoch.
        """
        if claim.kind != "trial" or not self.prunes or not self._holds(claim):
            return False

        def told() -> bool:
            trial = self._trial(claim.number)
            if trial.state != TrialState.RUNNING:
                return False
            self._storage.set_trial_intermediate_value(trial._trial_id, step, value)
            return self._study.pruner.prune(self._study, self._storage.get_trial(trial._trial_id))

        return self._patiently(told)

    def finish(self, claim: Claim, outcome: Outcome) -> None:
        """Tells how an attempt ended, once; nothing where its lease was lost meanwhile.

        A lost trial waits for anybody, ``retries`` times, a stopped one however often.
        """
        self._one_at_a_time(lambda now: self._finish(claim, outcome))

    def _finish(self, claim: Claim, outcome: Outcome) -> None:
        if not self._holds(claim):
            log.warning("%s is not this worker's any more: its outcome (%s) is not told",
                        claim.folder, outcome.kind)
            return
        if claim.kind == "confirmation":
            confirm.finish(self, claim, outcome)
            return
        trial = self._trial(claim.number)
        if trial.state == TrialState.RUNNING:
            self._tell(trial, outcome)
        elif outcome.kind == "lost" and trial.state == TrialState.WAITING:
            self._lost(trial, outcome.reason or "its process died", self.definition)
        lease.free(claim.folder)
        result.write(self, self._rows())

    def _tell(self, trial: FrozenTrial, outcome: Outcome) -> None:
        if outcome.kind == "stopped":
            self._set(trial, TrialState.WAITING)
        elif outcome.kind == "lost":
            self._set(trial, TrialState.WAITING)
            self._lost(trial, outcome.reason or "its process died", self.definition)
        elif outcome.kind == "failed":
            self._fail(trial, outcome.reason or "no reason is known")
        elif outcome.kind == "pruned":
            self._reason(trial, outcome.reason)
            self._study.tell(trial.number, state=TrialState.PRUNED)
        else:
            self._complete(trial)

    def _complete(self, trial: FrozenTrial) -> None:
        try:
            values = self._values(self._run(trial.number))
        except VaelError as error:
            self._fail(trial, str(error))
            return
        self._study.tell(trial.number, values)

    def _values(self, run: Path) -> list[float]:
        metrics = (read_summary(run) or {}).get("metrics") or {}
        found = []
        for target in self._frozen.definition.targets:
            value = number(metrics.get(target))
            if value is None:
                raise VaelError(f"{target} is {metrics.get(target)} in {run / 'summary.json'}")
            found.append(value)
        return found

    # ------------------------------------------------------------------------------------- helpers

    def _holds(self, claim: Claim) -> bool:
        found = lease.holder(claim.folder)
        return found is not None and found.attempt == claim.attempt

    def _fail(self, trial: FrozenTrial, reason: str) -> None:
        if self._state(trial) == TrialState.WAITING:
            self._set(trial, TrialState.RUNNING)  # only what runs can be told
        self._reason(trial, reason)
        self._study.tell(trial.number, state=TrialState.FAIL)
        result.write(self, self._rows())

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
