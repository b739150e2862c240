"""Intervals of paired differences: closed forms, and coverage in simulation."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from vael.sweep.study.paired import compute_difference, compute_differences

TOLERANCE = 0.02  # of a stated rate of 95 %
FAILURE_RATE = 1e-6


def draw(rng, seeds, examples, s, e, r, choices=2):
    """Scores (choice, seed, example) of equal choices but for a shift of 0.02 each."""
    base = rng.normal(2, 0.5, examples)  # an example is hard for every model
    own = rng.normal(0, e, (choices, 1, examples))
    seed = rng.normal(0, s, (choices, seeds, 1))
    both = rng.normal(0, r, (choices, seeds, examples))
    shift = 0.02 * np.arange(choices)[:, None, None]
    return base + own + seed + both + shift


def test_the_moments_are_those_of_the_two_way_analysis_of_variance():
    rng = np.random.default_rng(0)
    a, b = draw(rng, 4, 30, 0.4, 0.2, 0.3)
    found = compute_difference(a, b)
    d = b - a
    n, many = d.shape
    # mean squares, from their definition
    of_seeds = many * sum((row.mean() - d.mean()) ** 2 for row in d) / (n - 1)
    of_examples = n * sum((column.mean() - d.mean()) ** 2 for column in d.T) / (many - 1)
    total = ((d - d.mean()) ** 2).sum()
    both = (total - (n - 1) * of_seeds - (many - 1) * of_examples) / ((n - 1) * (many - 1))
    assert found.mean == pytest.approx(d.mean(), rel=1e-12)
    assert found.example_variance == pytest.approx(of_examples / (n * many), rel=1e-10)
    assert found.seed_variance == pytest.approx((of_seeds - both) / (n * many), rel=1e-10)
    assert math.hypot(found.of_seeds, found.of_examples) == pytest.approx(found.half_width)


def test_with_examples_that_agree_it_is_the_t_interval_over_seeds():
    """Every example then says the same of a seed."""
    by_seed = np.array([0.3, 0.1, 0.2, 0.45])
    b = np.repeat(by_seed[:, None], 50, axis=1)
    found = compute_difference(np.zeros_like(b), b)
    low, high = stats.ttest_1samp(by_seed, 0).confidence_interval(0.95)
    assert found.mean - found.half_width == pytest.approx(low, rel=1e-10)
    assert found.mean + found.half_width == pytest.approx(high, rel=1e-10)


def test_with_seeds_that_agree_it_is_the_t_interval_over_examples():
    by_example = np.random.default_rng(1).normal(0.1, 1, 40)
    b = np.repeat(by_example[None], 3, axis=0)
    found = compute_difference(np.zeros_like(b), b)
    low, high = stats.ttest_1samp(by_example, 0).confidence_interval(0.95)
    assert found.mean - found.half_width == pytest.approx(low, rel=1e-10)
    assert found.mean + found.half_width == pytest.approx(high, rel=1e-10)
    assert found.found == (low > 0 or high < 0)


def test_equal_models_have_no_difference():
    table = np.random.default_rng(2).normal(size=(3, 20))
    found = compute_difference(table, table)
    assert (found.mean, found.half_width, found.found) == (0, 0, False)


def test_more_seeds_shrink_their_part_alone():
    a, b = draw(np.random.default_rng(3), 3, 200, 0.05, 0.1, 0.1)
    found = compute_difference(a, b)
    more = found.with_seeds(12)
    assert more.seed_variance == pytest.approx(found.seed_variance / 4)
    assert more.example_variance == found.example_variance
    assert more.half_width < found.half_width


def test_all_pairs_share_the_failures_that_are_allowed():
    tables = draw(np.random.default_rng(4), 3, 50, 0.01, 0.1, 0.1, choices=4)
    found = compute_differences(tables)
    assert list(found) == list(combinations(range(4), 2))
    assert {d.level for d in found.values()} == {1 - 0.05 / 6}
    assert found[1, 3].mean == pytest.approx((tables[3] - tables[1]).mean())


def covered(rng, draws, seeds, examples, s, e, r, choices):
    """How many of the draws have all true differences inside of their intervals."""
    hits = 0
    for _ in range(draws):
        tables = draw(rng, seeds, examples, s, e, r, choices)
        every = compute_differences(list(tables)).items()
        hits += all(abs(d.mean - 0.02 * (j - i)) <= d.half_width for (i, j), d in every)
    return hits


def assert_coverage(hits, draws):
    """Right within TOLERANCE; a right interval fails once in 1 / FAILURE_RATE."""
    low = stats.binom.ppf(FAILURE_RATE, draws, 0.95 - TOLERANCE)
    high = stats.binom.isf(FAILURE_RATE, draws, 0.95 + TOLERANCE)
    assert low <= hits <= high, f"{hits / draws:.4f} of {draws} cover"


# seeds that say next to nothing, as much as the examples, and nearly all: of 180 and 2,000
WORLDS = [
    (3, 180, 0.0, 0.07, 0.05),
    (3, 180, 0.008, 0.07, 0.05),
    (3, 180, 0.03, 0.07, 0.05),
    (5, 180, 0.008, 0.07, 0.05),
    (3, 2000, 0.003, 0.09, 0.05),
    (5, 2000, 0.003, 0.09, 0.05),
]


@pytest.mark.parametrize(("seeds", "examples", "s", "e", "r"), WORLDS)
def test_the_interval_of_two_choices_covers_at_its_stated_rate(seeds, examples, s, e, r):
    rng = np.random.default_rng(seeds * examples)
    draws = 4000 if examples < 1000 else 1000
    assert_coverage(covered(rng, draws, seeds, examples, s, e, r, 2), draws)


@pytest.mark.parametrize(("seeds", "choices"), [(3, 3), (5, 3), (5, 6)])
def test_the_intervals_of_several_choices_cover_at_once(seeds, choices):
    draws = 4000 // choices
    hits = covered(np.random.default_rng(choices), draws, seeds, 180, 0.008, 0.07, 0.05, choices)
    assert_coverage(hits, draws)


@pytest.mark.parametrize("equal", [True, False])
def test_of_equal_choices_one_in_twenty_studies_finds_a_difference(equal):
    """The chance that any pair's interval leaves out 0, with four choices."""
    rng, draws = np.random.default_rng(9), 2000 if equal else 200
    shift = 0.0 if equal else 0.1
    tables = (draw(rng, 5, 180, 0.008, 0.07, 0.05, 4) for _ in range(draws))
    steps = (0.02 - shift) * np.arange(4)[:, None, None]
    found = sum(
        any(d.found for d in compute_differences(list(t - steps)).values()) for t in tables
    )
    if equal:
        assert_coverage(draws - found, draws)
    else:  # 0.08 between neighbours is many standard errors
        assert found == draws


@pytest.mark.long
@pytest.mark.parametrize("choices", [2, 3, 6])
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("examples", [180, 2000])
@pytest.mark.parametrize("ratio", [0, 0.3, 1, 3, 10])
def test_coverage_over_many_worlds(choices, seeds, examples, ratio):
    """The ratio is that of the standard errors of seeds and examples."""
    if choices > 3 and seeds < 5:
        pytest.skip("sweeps compare more than three choices over at least five seeds")
    rng, draws = np.random.default_rng(examples + choices), 8000
    s = ratio * 0.08 * math.sqrt(seeds / examples)
    assert_coverage(covered(rng, draws, seeds, examples, s, 0.08, 0.05, choices), draws)
