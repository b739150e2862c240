"""Ranking: which trials are better than others."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from vael.metrics.catalog import Direction
from vael.sweep.study.table import FINISHED, TrialRow
from vael.text import count_text


@dataclass(frozen=True)
class Goal:
    """Goal of a sweep: its name, targets with a direction each, and how many trials."""

    name: str
    targets: tuple[str, ...]
    directions: tuple[Direction, ...]
    trials: int | None


def select_scored(table: Sequence[TrialRow]) -> list[TrialRow]:
    """Return what is ranked: complete trials with finite values that keep the constraints."""
    return [
        row
        for row in table
        if row.state == "complete"
        and row.feasible
        and row.values
        and all(map(math.isfinite, row.values))
    ]


def rank_trials(table: Sequence[TrialRow], direction: Direction) -> list[TrialRow]:
    """Sort the scored trials by their first value, the best first; of equals, the earlier."""
    sign = _sign(direction)
    return sorted(select_scored(table), key=lambda row: (sign * row.values[0], row.number))


def rank_found(table: Sequence[TrialRow], direction: Direction) -> list[TrialRow]:
    """Sort complete and pruned trials by the last value that each has, the best first.

    A pruned trial would have gone on to a better value: where its last one beats another's final
    one, it is the better find.
    """
    sign = _sign(direction)
    ended = [
        row
        for row in table
        if row.state in ("complete", "pruned")
        and row.feasible
        and row.values
        and math.isfinite(row.values[0])
    ]
    return sorted(ended, key=lambda row: (sign * row.values[0], row.number))


def running_best(values: Sequence[float], direction: Direction) -> list[float]:
    """Return the best of all values up to each."""
    return list(accumulate(values, min if direction == "minimize" else max))


def find_front(points: Sequence[Sequence[float]], directions: Sequence[Direction]) -> list[int]:
    """Return indices of the Pareto front, by the first coordinate, the best first.

    A point is on it if no other is at least as good everywhere and better somewhere. Equal points
    are on it together. All coordinates must be finite.
    """
    signs = [_sign(direction) for direction in directions]
    costs = [tuple(s * x for s, x in zip(signs, point, strict=True)) for point in points]
    kept: list[int] = []
    # who dominates a point comes before it in lexicographic order
    for index in sorted(range(len(costs)), key=lambda i: (costs[i], i)):
        cost = costs[index]
        if not any(
            costs[k] != cost and all(a <= b for a, b in zip(costs[k], cost, strict=True))
            for k in kept
        ):
            kept.append(index)
    return kept


def find_best(table: Sequence[TrialRow], directions: Sequence[Direction]) -> list[TrialRow]:
    """Return the trials that no other beats: the best, or with several targets the front."""
    if len(directions) == 1:
        return rank_trials(table, directions[0])[:1]
    found = select_scored(table)
    return [found[i] for i in find_front([row.values for row in found], directions)]


def counts_text(goal: Goal, table: Sequence[TrialRow]) -> str:
    """Say how many trials are done: ``12/40 trials (9 complete, 2 pruned, 1 failed)``."""
    by_state = Counter(row.state for row in table)
    parts = [f"{by_state[state]} {state}" for state in FINISHED if by_state[state]]
    done = sum(by_state[state] for state in FINISHED)
    trials = count_text(done, "trial") if goal.trials is None else f"{done}/{goal.trials} trials"
    return trials + (f" ({', '.join(parts)})" if parts else "")


def _sign(direction: Direction) -> int:
    return 1 if direction == "minimize" else -1
