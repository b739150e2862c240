"""The front of a score and what it costs."""

import numpy as np
import pytest

from vael.sweep.report.front import plot_fronts
from vael.sweep.study.ranking import Goal

COSTS = Goal("costs", ("val/bpd", "seconds", "parameters"), ("minimize",) * 3, None)


def trace(figure, name):
    [found] = [t for t in figure.plot["data"] if t.get("name") == name]
    return found


@pytest.mark.parametrize("directions", [("minimize", "minimize"), ("maximize", "minimize")])
def test_nothing_is_better_than_a_point_on_the_front_in_both(fake, directions):
    made = fake(Goal("two", ("val/elbo", "seconds"), directions, None))
    random = np.random.default_rng(0)
    for _ in range(30):
        cost, waste = random.integers(1, 12, 2).astype(float).tolist()
        score = 20 - cost + waste if directions[0] == "minimize" else 20 + cost - waste
        made.add([score, cost], objective__beta=1.0)
    [figure] = plot_fronts(made.goal, made.table())
    dots = trace(figure, "on the front")
    expected = sorted((t.values[1], t.values[0]) for t in made.study.best_trials)
    assert sorted(zip(dots["x"], dots["y"], strict=True)) == expected
    assert 1 < len(expected) < 30
    assert len(trace(figure, "others")["x"]) == 30 - len(expected)
    assert f"{len(expected)} of 30" in figure.note


def test_each_cost_has_a_figure_and_rate_and_distortion_have_their_own(fake):
    made = fake(COSTS)
    made.add([2.0, 10.0, 1e5], objective__beta=1.0)
    assert plot_fronts(made.goal, made.table()) == []
    made.add([2.1, 5.0, 1e4], objective__beta=2.0)
    titles = [f.plot["layout"]["xaxis"]["title"] for f in plot_fronts(made.goal, made.table())]
    assert titles == ["seconds, s", "parameters"]
    plane = Goal("plane", ("val/rate", "val/distortion"), ("minimize", "minimize"), None)
    assert plot_fronts(plane, made.table()) == []
    assert plot_fronts(Goal("one", ("val/bpd",), ("minimize",), None), made.table()) == []
