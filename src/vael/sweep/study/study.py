"""Study: claims of workers on trials, the parameters of each, and its outcome.

    claim ──► RUNNING + lease ──► finish: COMPLETE | PRUNED | FAIL        counts to the budget
                    │   └───────► finish: lost, stopped ──► WAITING ──► claim
                    └── its worker dies, the lease goes stale ──────────► claim

Claiming and finishing happen one at a time, under the sweep's lock, and every step of them can be
done again: whoever dies in between, or whatever the storage forgets to answer, the next claim
mends it. Trial numbers are 0 .. N-1 and each ends once: the budget is exact.
"""

import logging
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from vael.config.series import ConfigSeries
from vael.errors import OUT_OF_MEMORY_TEXTS, ConfigError, VaelError
from vael.metrics.constraint import Constraint, parse_constraints
from vael.runs.folder import RunFolder
from vael.sweep.spec import trial_config
from vael.sweep.spec.definition import Definition
from vael.sweep.spec.domain import Value
from vael.sweep.spec.verdict import select_verdicts
from vael.sweep.study import confirmation, cost, feasibility, lease, results, samplers, shares
from vael.sweep.study.history import BY_CHANCE
from vael.sweep.study.proposal import Proposer
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.records import Claim, Outcome, Wait, count_attempt, count_loss
from vael.sweep.study.table import read_targets

log = logging.getLogger("vael")
LOOKS_PER_LEASE = 10  # at the leases of all workers, where they are many


class Study(StudyReader):
    """One sweep's study, as a worker sees it.

    ``claim``, ``report`` and ``finish`` may take minutes while the storage is away: a worker
    touches its lease from another thread meanwhile.

    Attributes:
        watch: over the leases of others.
    """

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, url, light=True)
        self.watch = lease.Watch()
        self._series = ConfigSeries()
        self._results = results.Results(self)
        self._proposer = Proposer(self._study, self.space)
        self._ended: list[FrozenTrial] = []  # which may not be in trials.csv yet

    # --------------------------------------------------------------------------------------- claim

    def claim(self, worker: str) -> Claim | Wait | None:
        """Claim the next thing to do: a trial, or a run of the best configuration.

        A trial that waits or was orphaned comes first, then a new one while the budget lasts and
        the space holds points that have not been tried.

        Args:
            worker: its name, for the lease.

        Returns:
            ``Wait`` where all is taken but not finished; None where all is done.
        """
        while True:
            self._catch_up()
            found = self._one_at_a_time(lambda now: self._claim(worker, now))
            if not isinstance(found, Claim) or self._write_config(found):
                return found

    def _catch_up(self) -> None:
        """Take in what others have done since, while nobody waits for the lock."""
        self._ended += self._history.update(self.trials())
        self._results.read_new()

    def _claim(self, worker: str, now: float) -> Claim | Wait | None:
        d, held = self.definition, False
        assert d.trials is not None
        in_time = self.seconds_left() > 0
        trials = self._study.get_trials(deepcopy=False)
        self._ended += self._history.update(trials)
        self._results.add_missing(self._ended)
        self._ended = []
        running = [trials[n] for n in self._history.open if trials[n].state == TrialState.RUNNING]
        look = lease.is_turn(self.folder, len(running), d.lease / LOOKS_PER_LEASE, now)
        for trial in (trials[number] for number in self._history.open):
            if trial.state == TrialState.RUNNING:
                if not look or not lease.is_stale(
                    self._run(trial.number), d.lease, self.watch, now
                ):
                    held = True
                    continue
                lease.end_turn(self.folder)  # who finds one dead worker may find another
                if not self._orphaned(trial, d):
                    continue
            elif not RunFolder(self._run(trial.number)).is_run and not in_time:
                continue
            if trial.number < d.trials:
                return self._begin(trial, worker)
        if len(trials) < d.trials and in_time:
            new = self._propose(d, trials)
            if new is not None:
                return self._begin(new, worker)
        if held:
            return Wait()
        return confirmation.claim_confirmation(self, self._rows(), self.watch, worker, now)

    def _propose(self, d: Definition, trials: list[FrozenTrial]) -> FrozenTrial | None:
        """Make the next trial, with all that it tries, in one step; None: there is none left."""
        assert d.trials is not None
        verdicts = select_verdicts(d, self.space)
        given = shares.find_missing(self.space, verdicts, d.trials, trials)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # optuna's about private use and experiments
            draft = self._proposer.propose(d, trials, self._history, given, self._affords())
        if draft is None:
            return None
        return self.storage.get_trial(self.storage.create_new_trial(self.id, draft))

    def _affords(self) -> Callable[[Mapping[str, Value]], bool]:
        """Make the test whether a point will end in time, by what trials like it took."""
        left = self.seconds_left()
        if left == math.inf:
            return lambda _: True
        table = self._rows()
        return lambda point: (cost.foresee_seconds(self.space, table, point) or 0.0) <= left

    def _orphaned(self, trial: FrozenTrial, d: Definition) -> bool:
        """Count the loss of a RUNNING trial that nobody runs; False where it was one too many."""
        run = self._run(trial.number)
        before = lease.find_holder(run)
        self._set(trial, TrialState.WAITING)
        if before is not None:  # else its worker died before it began
            return self._lost(trial, f"worker {before.worker} is gone", d)
        return True

    def _lost(self, trial: FrozenTrial, reason: str, d: Definition) -> bool:
        run = self._run(trial.number)
        lease.free_lease(run)
        failed = count_loss(run, reason, d.retries)
        if failed:
            self._fail(trial, failed, by_chance=True)
        return failed is None

    def _begin(self, trial: FrozenTrial, worker: str) -> Claim:
        """Give a trial to this worker."""
        run = self._run(trial.number)
        run.mkdir(parents=True, exist_ok=True)
        if not RunFolder(run).is_run and not self.space.holds(trial.params):
            self._suggest(trial)
        if self._state(trial) == TrialState.WAITING:  # not before it has all its parameters
            self._set(trial, TrialState.RUNNING)
        attempt = count_attempt(run)
        if attempt > 1:
            self.storage.set_trial_user_attr(trial._trial_id, "attempts", attempt)
        lease.take_lease(run, worker, attempt)
        return Claim("trial", trial.number, run, attempt)

    def _suggest(self, trial: FrozenTrial) -> None:
        """Choose what is still open of a trial that was enqueued with values for it."""
        d = self._snapshot.definition
        self._study.sampler = samplers.make_sampler(d.sampler, d.seed, trial.number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # optuna's about private use and experiments
            self.space.suggest(optuna.trial.Trial(self._study, trial._trial_id))

    def _write_config(self, claim: Claim) -> bool:
        """Write config.yaml where there is none, outside of the lock: composing takes a while.

        False where the combination cannot work: the trial has failed.
        """
        if RunFolder(claim.folder).is_run:
            return True
        try:
            trial = self._retry(lambda: self._trial(claim.number))
            overrides = self.space.overrides(trial.params)
            d = self._snapshot.definition
            threads = self._snapshot.threads
            config = trial_config.compose_trial(d, overrides, claim.number, threads, self._series)
            trial_config.write_trial_config(claim.folder, config)
        except ConfigError as error:
            self.finish(claim, Outcome("failed", str(error)))
            return False
        except BaseException:
            self.finish(claim, Outcome("stopped"))
            raise
        return True

    # ------------------------------------------------------------------------------ report, finish

    def report(self, claim: Claim, step: int, value: float) -> bool:
        """Report an intermediate value of the target; True where the pruner says stop.

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
            self.storage.set_trial_intermediate_value(trial._trial_id, step, value)
            return self._study.pruner.prune(self._study, self.storage.get_trial(trial._trial_id))

        return self._retry(told)

    def finish(self, claim: Claim, outcome: Outcome) -> None:
        """Tell how an attempt ended, once; nothing where its lease was lost meanwhile.

        A lost trial waits for anybody, ``retries`` times, a stopped one however often.
        """
        self._one_at_a_time(lambda now: self._finish(claim, outcome))

    def _finish(self, claim: Claim, outcome: Outcome) -> None:
        if not self._holds(claim):
            log.warning(
                "%s is not this worker's any more: its outcome (%s) is not told",
                claim.folder,
                outcome.kind,
            )
            return
        if claim.kind == "confirmation":
            confirmation.finish_confirmation(claim, outcome, self.definition.retries)
            return
        trial = self._trial(claim.number)
        if trial.state == TrialState.RUNNING:
            self._tell(trial, outcome)
        elif outcome.kind == "lost" and trial.state == TrialState.WAITING:
            self._lost(trial, outcome.reason or "its process died", self.definition)
        lease.free_lease(claim.folder)
        ended = self._trial(claim.number)
        if ended.state.is_finished():
            self._results.add(ended)

    def _tell(self, trial: FrozenTrial, outcome: Outcome) -> None:
        if outcome.kind == "stopped":
            self._set(trial, TrialState.WAITING)
        elif outcome.kind == "lost":
            self._set(trial, TrialState.WAITING)
            self._lost(trial, outcome.reason or "its process died", self.definition)
        elif outcome.kind == "failed":
            reason = outcome.reason or "no reason is known"
            self._fail(trial, reason, any(text in reason for text in OUT_OF_MEMORY_TEXTS))
        elif outcome.kind == "pruned":
            bounds = [
                b for b in parse_constraints(self._snapshot.definition.constraint) if b.early
            ]
            with suppress(VaelError):  # it was killed, and has not said how large it is
                self._record_violations(trial, bounds)
            self._reason(trial, outcome.reason)
            self._study.tell(trial.number, state=TrialState.PRUNED)
        else:
            self._complete(trial)

    def _complete(self, trial: FrozenTrial) -> None:
        d = self._snapshot.definition
        try:
            values = read_targets(self._run(trial.number), d.targets)
            broken = self._record_violations(trial, parse_constraints(d.constraint))
        except VaelError as error:
            self._fail(trial, str(error), by_chance=False)
            return
        self._reason(trial, broken)
        self._study.tell(trial.number, values)

    def _record_violations(self, trial: FrozenTrial, bounds: Sequence[Constraint]) -> str:
        run = self._run(trial.number)
        return feasibility.record_violations(self.storage, trial, run, bounds)

    def _holds(self, claim: Claim) -> bool:
        found = lease.find_holder(claim.folder)
        return found is not None and found.attempt == claim.attempt

    def _fail(self, trial: FrozenTrial, reason: str, by_chance: bool) -> None:
        if self._state(trial) == TrialState.WAITING:
            self._set(trial, TrialState.RUNNING)  # only what runs can be told
        self._reason(trial, reason)
        if by_chance:
            self.storage.set_trial_user_attr(trial._trial_id, BY_CHANCE, True)
        self._study.tell(trial.number, state=TrialState.FAIL)
        self._results.add(self._trial(trial.number))
