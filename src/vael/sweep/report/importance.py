"""Importance: how much each parameter of a study matters."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.importance import get_param_importances
from optuna.trial import FrozenTrial, TrialState, create_trial

from vael.metrics.catalog import Direction
from vael.sweep.study.ranking import select_scored
from vael.sweep.study.table import TrialRow

ENOUGH = 10  # trials: the best tenth of fewer is not even one


@dataclass(frozen=True)
class Importance:
    """Importance of each parameter, estimated from the trials.

    Attributes:
        shares: of each parameter, the largest first; their sum is 1.
        trials: how many there were to go by.
        epoch: they are compared by their scores after this one; None: by their final ones.
    """

    shares: dict[str, float]
    trials: int
    epoch: int | None = None


Importances = Importance | str


def compute_importances(
    trials: Sequence[FrozenTrial], table: Sequence[TrialRow], directions: Sequence[Direction]
) -> Importances:
    """Compute each parameter's importance, or a sentence that says why there is none.

    PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255): how much the best tenth of the complete
    trials differs from all of them in one parameter, normalised to a sum of 1. A parameter that
    only some trials have is weighed by those. With several targets, the best are those next to
    the Pareto front. Where a pruner left too few complete trials, all are compared by what they
    had reported after the last epoch that all of them have reached.
    """
    numbers = {row.number for row in select_scored(table)}
    known = [
        trial for trial in trials if trial.state == TrialState.COMPLETE and trial.number in numbers
    ]
    complete, epoch = len(known), None
    if complete < ENOUGH and len(directions) == 1:
        known, epoch = _midway(trials)
    if len(known) < ENOUGH:
        return f"This takes at least {ENOUGH} complete trials; so far: {complete}."
    if len({tuple(trial.values) for trial in known}) == 1:
        return "All complete trials have the same score: no parameter matters yet."
    names = dict.fromkeys(name for trial in known for name in trial.params)
    varied = [name for name in names if len({str(trial.params.get(name)) for trial in known}) > 1]
    if not varied:
        return "All complete trials have the same parameters."
    study = optuna.create_study(directions=list(directions))  # a copy: the storage stays in peace
    study.add_trials(known)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some regimes", UserWarning)  # the page says it
        shares = get_param_importances(study, params=varied)
    return Importance(shares, len(known), epoch)


def _midway(trials: Sequence[FrozenTrial]) -> tuple[list[FrozenTrial], int | None]:
    """Return ended trials with their scores after the last epoch that all reached."""
    ended = [
        trial
        for trial in trials
        if trial.intermediate_values and trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
    ]
    epoch = min((max(trial.intermediate_values) for trial in ended), default=0)
    if any(epoch not in trial.intermediate_values for trial in ended):
        return [], None
    return [
        create_trial(
            value=trial.intermediate_values[epoch],
            params=trial.params,
            distributions=trial.distributions,
        )
        for trial in ended
        if math.isfinite(trial.intermediate_values[epoch])
    ], epoch
