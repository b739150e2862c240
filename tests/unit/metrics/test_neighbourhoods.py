"""Precision, recall, density and coverage, by brute force and by what is known of them."""

import math

import numpy as np
import pytest
import torch

from vael.metrics import neighbourhoods as module
from vael.metrics.neighbourhoods import measure_neighbourhoods

RNG = np.random.default_rng(0)


def parts(x, y, neighbours):
    found = measure_neighbourhoods(torch.tensor(x), torch.tensor(y), neighbours)
    return found.precision, found.recall, found.density, found.coverage


def by_hand(x, y, k):
    """The definitions, one pair after another."""

    def reach(z, i):
        return sorted(math.dist(z[i], other) for j, other in enumerate(z) if j != i)[k - 1]

    in_x = [[math.dist(a, b) < reach(x, i) for b in y] for i, a in enumerate(x)]
    in_y = [[math.dist(a, b) < reach(y, j) for j, b in enumerate(y)] for a in x]
    return (
        np.mean(np.any(in_x, axis=0)),
        np.mean(np.any(in_y, axis=1)),
        np.sum(in_x) / (k * len(y)),
        np.mean(np.any(in_x, axis=1)),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_they_are_as_defined(k, monkeypatch):
    x, y = RNG.normal(size=(12, 3)), RNG.normal(size=(9, 3)) * 1.5 + 0.4
    for rows in (1, 30, module.ROWS):  # the memory at hand changes nothing
        monkeypatch.setattr(module, "ROWS", rows)
        assert parts(x, y, k) == pytest.approx(by_hand(x, y, k), rel=1e-12)


def test_of_a_set_with_itself_all_is_one():
    x = RNG.normal(size=(200, 4))
    assert parts(x, x, 5) == (1, 1, 1, 1)


def test_far_away_all_is_nothing():
    x = RNG.normal(size=(50, 4))
    assert parts(x, x + 1000, 5) == (0, 0, 0, 0)


def test_samples_of_one_mode_of_two_are_precise_and_recall_a_half():
    one, other, again = RNG.normal(size=(3, 400, 2))
    precision, recall, density, coverage = parts(
        np.concatenate([one, other + 100]), np.concatenate([again, again + 1e-6]), 5
    )
    assert precision > 0.9
    assert recall < 0.5
    assert coverage < 0.5
    assert density > 0.9


def test_of_two_sets_from_one_distribution_density_and_coverage_have_these_means():
    """Naeem et al. 2020, Section 3.3: density 1, coverage 1 - prod_i (N - i) / (2 N - i)."""
    n, k, runs = 60, 3, 200
    found = np.array([parts(*RNG.normal(size=(2, n, 2)), k)[2:] for _ in range(runs)])
    coverage = 1 - math.prod((n - i) / (2 * n - i) for i in range(1, k + 1))
    errors = found.std(0, ddof=1) / math.sqrt(runs)
    # five standard errors: fails once in 10^6 seeds
    assert abs(found[:, 0].mean() - 1) < 5 * errors[0]
    assert abs(found[:, 1].mean() - coverage) < 5 * errors[1]
