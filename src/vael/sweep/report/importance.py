"""Floor 10: how much each parameter of a study matters."""

import warnings
from collections.abc import Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from vael.sweep.direction import Direction
from vael.sweep.ranking import scored
from vael.sweep.rows import TrialRow

Importances = dict[str, float] | str
ENOUGH = 10  # complete trials: the best tenth of fewer is not even one


def importances(
    trials: Sequence[FrozenTrial], table: Sequence[TrialRow], directions: Sequence[Direction]
) -> Importances:
    """The share of each parameter, the largest first, or a sentence that says why there is none.

    PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255): how much the best tenth of the complete
    trials differs from all of them in one parameter, normalised to a sum of 1. A parameter that
    only some trials have is weighed by those. With several targets, the best are those next to
    the Pareto front.
    """
    complete = scored(table)
    if len(complete) < ENOUGH:
        return (f"This takes at least {ENOUGH} complete trials; there are {len(complete)} so "
                "far.")
    if len({row.values for row in complete}) == 1:
        return "All complete trials have the same score: no parameter matters yet."
    names = dict.fromkeys(name for row in complete for name in row.params)
    varied = [name for name in names if len({str(row.params.get(name)) for row in complete}) > 1]
    if not varied:
        return "All complete trials have the same parameters."
    numbers = {row.number for row in complete}
    study = optuna.create_study(directions=list(directions))  # a copy: the storage stays in peace
    study.add_trials([trial for trial in trials
                      if trial.state == TrialState.COMPLETE and trial.number in numbers])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some regimes", UserWarning)  # the page says it
        return optuna.importance.get_param_importances(study, params=varied)
