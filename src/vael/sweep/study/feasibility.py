"""Feasibility: whether a trial that has ended keeps the constraints of its sweep."""

from collections.abc import Sequence
from pathlib import Path

from optuna.storages import BaseStorage
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial

from vael.metrics.constraint import Constraint
from vael.sweep.study.table import read_targets


def record_violations(
    storage: BaseStorage, trial: FrozenTrial, run: Path, constraints: Sequence[Constraint]
) -> str:
    """Record by how much a run breaks each constraint, where the sampler learns from it.

    Returns:
        What is broken, in words; empty where nothing is.

    Raises:
        VaelError: the run has no such number.
    """
    broken = []
    for bound in constraints:
        [value] = read_targets(run, [bound.name])
        key, excess = f"{_CONSTRAINTS_KEY}:{bound}", bound.violation(value)
        storage.set_trial_system_attr(trial._trial_id, key, excess)
        broken.append(bound.describe_breach(value))
    return "; ".join(filter(None, broken))
