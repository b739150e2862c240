from pathlib import Path

import numpy as np
import pytest

from vael.sweep.study.ranking import find_best, find_front, rank_trials, running_best
from vael.sweep.study.table import TrialRow


def row(number, values, state="complete"):
    return TrialRow(number, state, values, None, {}, 1, 1.0, 1, Path("x"))


def brute_force(points, signs):
    """All that nobody dominates, by the definition."""
    costs = np.asarray(points) * signs
    better = (costs[:, None] <= costs[None]).all(-1) & (costs[:, None] < costs[None]).any(-1)
    return {i for i in range(len(costs)) if not better[:, i].any()}


@pytest.mark.parametrize(
    "directions",
    [("minimize", "minimize"), ("minimize", "maximize"), ("maximize", "minimize", "minimize")],
)
def test_the_front_is_what_nobody_dominates(directions):
    signs = np.array([1 if d == "minimize" else -1 for d in directions])
    random = np.random.default_rng(0)
    sizes = []
    for count in (1, 2, 5, 60, 60, 60):
        # few different values: many ties and equal points
        points = random.integers(0, 12, (count, len(directions))).astype(float)
        found = find_front(points.tolist(), directions)
        assert set(found) == brute_force(points, signs)
        assert len(found) == len(set(found))
        first = [signs[0] * points[i, 0] for i in found]
        assert first == sorted(first)
        sizes.append(len(found))
    assert max(sizes) > 2


def test_equal_points_are_on_the_front_together_and_nothing_has_no_front():
    assert find_front([(1.0, 2.0), (1.0, 2.0), (1.0, 3.0)], ("minimize", "minimize")) == [0, 1]
    assert find_front([], ("minimize", "minimize")) == []


def test_the_running_best_is_the_cumulative_extremum():
    values = np.random.default_rng(1).normal(size=50)
    assert running_best(list(values), "minimize") == list(np.minimum.accumulate(values))
    assert running_best(list(values), "maximize") == list(np.maximum.accumulate(values))
    assert running_best([], "minimize") == []


def test_only_complete_trials_with_finite_values_are_ranked():
    table = [
        row(0, (2.0,)),
        row(1, (1.0,), "pruned"),
        row(2, (float("nan"),)),
        row(3, (1.5,)),
        row(4, (), "failed"),
        row(5, (1.5,)),
        row(6, (float("-inf"),)),
        row(7, ()),
    ]
    assert [r.number for r in rank_trials(table, "minimize")] == [3, 5, 0]
    assert [r.number for r in rank_trials(table, "maximize")] == [0, 3, 5]
    assert [r.number for r in find_best(table, ("minimize",))] == [3]
    assert find_best([], ("minimize",)) == []


def test_with_two_targets_the_best_are_the_front():
    table = [
        row(0, (3.0, 1.0)),
        row(1, (1.0, 3.0)),
        row(2, (3.0, 3.0)),
        row(3, (0.0, 0.0), "pruned"),
    ]
    assert [r.number for r in find_best(table, ("minimize", "minimize"))] == [1, 0]
