"""Cost: how long a trial will train, foreseen from those before it."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from vael.sweep.spec.domain import Value
from vael.sweep.spec.space import Space
from vael.sweep.study.table import TrialRow

NEIGHBOURS = 3


def foresee_seconds(
    space: Space, table: Sequence[TrialRow], point: Mapping[str, Value]
) -> float | None:
    """Foresee how long a point will train: the mean of the nearest trials that have ended.

    What a pruner has cut short counts as it was cut. The distance is that of `find_nearest`: 1
    between two choices, the share of the interval between two numbers.

    Args:
        space: of the point and of the trials.
        table: of all trials.
        point: what is to be trained.

    Returns:
        Seconds of training; None while fewer than three trials tell.
    """
    known = [
        (_distance(space, row.params, point), row.number, row.seconds)
        for row in table
        if row.state in ("complete", "pruned") and row.seconds is not None
    ]
    if len(known) < NEIGHBOURS:
        return None
    return fmean(seconds for _, _, seconds in sorted(known)[:NEIGHBOURS])


def _distance(space: Space, one: Mapping[str, Value], other: Mapping[str, Value]) -> float:
    total = 0.0
    for p in space.parameters:
        if (p.path in one) != (p.path in other):
            total += 1
        elif p.path in one:
            total += p.domain.distance(one[p.path], other[p.path])
    return total
