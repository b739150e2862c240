"""The nearest untried point, against a search through the whole space."""

import math
from random import Random

import pytest
from optuna import create_study, samplers

from vael.sweep.spec.grammar import parse_space
from vael.sweep.spec.nearest import find_nearest
from vael.sweep.spec.space import point_key

FINITE = {
    "width": "choice(4, 8, 16)",
    "depth": "int(interval(1, 4))",
    "rate": "range(0.1, 0.6, 0.1)",
    "size": "tag(log, int(interval(1, 8)))",
}


def draw_space(random):
    """A finite space, with a parameter under a condition or two."""
    domains = ["choice(a, b)", "choice(1, 2, 3)", "choice(null, 0.5)", "range(0, 4)"]
    domains += ["int(interval(2, 4))", "tag(log, int(interval(1, 5)))", "range(0.1, 0.4, 0.1)"]
    space = {"kind": "choice(x, y, z)"}
    space |= {name: random.choice(domains) for name in "pq"[: random.randint(1, 2)]}
    when = {"kind=x": {"r": random.choice(domains), "inner": "choice(s, t)"}}
    when |= {"inner=t": {"deep": random.choice(domains)}} if random.random() < 0.5 else {}
    return parse_space(space, when)


def distance(space, one, two):
    """Between points that have the same parameters."""
    domains = {p.path: p.domain for p in space.parameters}
    total = 0.0
    for path, a in one.items():
        b, text = two[path], FINITE[path]
        if "choice" in text:
            total += a != b
        elif "log" in text:
            total += abs(math.log(a / b)) / math.log(domains[path].high / domains[path].low)
        else:
            total += abs(a - b) / (domains[path].high - domains[path].low)
    return total


@pytest.mark.parametrize("seed", range(30))
def test_it_is_untried_and_no_untried_one_is_nearer(seed):
    random = Random(seed)
    space = parse_space(FINITE, {})
    points = space.grid()
    tried = {point_key(p) for p in random.sample(points, random.randint(1, len(points) - 1))}
    start = random.choice(points)
    found = find_nearest(space, start, tried.__contains__, random)
    left = [p for p in points if point_key(p) not in tried]
    assert found in left
    least = min(distance(space, start, p) for p in left)
    assert distance(space, start, found) == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_every_point_of_a_conditional_space_is_found_once_and_then_none(seed):
    random = Random(seed)
    space = draw_space(random)
    points, tried = space.grid(), set()
    for _ in points:
        found = find_nearest(space, random.choice(points), tried.__contains__, random)
        assert space.holds(found)
        assert point_key(found) not in tried
        tried.add(point_key(found))
    assert tried == {point_key(p) for p in points}
    assert find_nearest(space, points[0], tried.__contains__, random) is None


@pytest.mark.parametrize("seed", range(20))
def test_the_size_is_the_number_of_points_of_the_grid(seed):
    space = draw_space(Random(seed))
    keys = {point_key(point) for point in space.grid()}
    assert space.size() == len(space.grid()) == len(keys)
    assert all(space.holds(point) for point in space.grid())


def test_a_space_is_infinite_where_a_condition_makes_it_so():
    when = {"kind=x": {"sigma": "interval(0, 1)"}}
    space = parse_space({"kind": "choice(x, y)"}, when)
    assert space.size() is None
    tried, seen = set(), set()
    for number in range(20):  # y alone is asked for: it is one point, the others have kind x
        found = find_nearest(space, {"kind": "y"}, tried.__contains__, Random(number))
        tried.add(point_key(found))
        seen.add(round(found.get("sigma", -1.0), 1))
        assert space.holds(found)
    assert len(tried) == 20
    assert len(seen) > 5, "they crowd at one place"


def test_what_the_sampler_rounds_is_one_point():
    space = parse_space({"size": "tag(log, int(interval(1, 3)))", "r": "range(0.1, 0.5, 0.1)"}, {})
    study = create_study(sampler=samplers.RandomSampler(seed=0))
    keys = {point_key(space.suggest(study.ask())) for _ in range(300)}
    assert keys == {point_key(p) for p in space.grid()}, "P(one of 12 is missing) < 1e-5"
    assert point_key({"r": 0.1 + 0.2}) == point_key({"r": 0.3})
    assert point_key({"r": True}) != point_key({"r": 1})
    assert point_key({"r": None}) != point_key({"r": "None"})


def test_a_point_has_all_that_applies_to_it_and_nothing_else():
    space = parse_space({"kind": "choice(x, y)"}, {"kind=x": {"n": "choice(null, 3)"}})
    assert space.holds({"kind": "x", "n": None})
    assert space.holds({"kind": "y"})
    for point in ({"kind": "x"}, {"kind": "y", "n": 3}, {"kind": "z"}, {"kind": "x", "n": 4}, {}):
        assert not space.holds(point)
