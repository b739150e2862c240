"""Shares: trials that each choice of a verdict gets, however little the sampler thinks of it.

The best of many trials is better than the best of few, of equal choices too. So each choice has
at least a third of its fair share of the budget: what it lacks is made up for at the end of the
budget, which stays as it is.
"""

import math
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from vael.sweep.spec.domain import Choice, Value
from vael.sweep.spec.space import Parameter, Space

LEAST_SHARE = 1 / 3


def find_missing(
    space: Space, verdicts: Sequence[Parameter], budget: int, trials: Sequence[FrozenTrial]
) -> dict[str, Value]:
    """Find the choice that the next trial must have, with those that this depends on.

    Nothing where the sampler is free.

    Args:
        space: of the sweep.
        verdicts: parameters whose choices are compared.
        budget: trials of the sweep.
        trials: that there are.
    """
    if budget - len(trials) > budget * LEAST_SHARE * len(verdicts) + _count_choices(verdicts):
        return {}  # whatever is lacking: it can wait
    lacking: list[tuple[int, dict[str, Value]]] = []
    for p in verdicts:
        assert isinstance(p.domain, Choice)
        least = math.ceil(LEAST_SHARE * _share(space, p, budget) / len(p.domain.values) - 1e-9)
        for value in p.domain.values:
            chosen = [t.params[p.path] for t in trials if p.path in t.params]
            own = sum(not p.domain.distance(one, value) for one in chosen)
            if own < least:
                lacking.append((least - own, _with_conditions(space, p, value)))
    if budget - len(trials) > sum(number for number, _ in lacking):
        return {}
    return max(lacking, key=lambda one: one[0], default=(0, {}))[1]


def _count_choices(verdicts: Sequence[Parameter]) -> int:
    return sum(len(p.domain.values) for p in verdicts if isinstance(p.domain, Choice))


def _share(space: Space, p: Parameter, budget: int) -> float:
    """Return the trials that fairly have a parameter: all, or those with its condition."""
    if p.when is None:
        return budget
    parent = _parameter(space, p.when.path)
    assert isinstance(parent.domain, Choice)
    return _share(space, parent, budget) / len(parent.domain.values)


def _with_conditions(space: Space, p: Parameter, value: Value) -> dict[str, Value]:
    if p.when is None:
        return {p.path: value}
    parent = _parameter(space, p.when.path)
    return {**_with_conditions(space, parent, p.when.value), p.path: value}


def _parameter(space: Space, path: str) -> Parameter:
    return next(p for p in space.parameters if p.path == path)
