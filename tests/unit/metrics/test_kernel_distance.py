"""The kernel distance, against its sums, its mean over all sets, and torchmetrics."""

import itertools

import numpy as np
import pytest
import torch
from torchmetrics.image.kid import poly_mmd

from vael.metrics import kernel_distance as module
from vael.metrics.kernel_distance import kernel_distance

RNG = np.random.default_rng(0)


def kernel(a, b):
    return (a @ b / len(a) + 1) ** 3


def test_it_is_the_mean_over_pairs(monkeypatch):
    x, y = RNG.normal(size=(5, 3)), RNG.normal(size=(7, 3)) + 0.5
    own = [
        np.mean([kernel(a, b) for a, b in itertools.permutations(z, 2)]) for z in (x, y)
    ]  # fmt: skip
    expected = sum(own) - 2 * np.mean([kernel(a, b) for a in x for b in y])
    for rows in (1, 20, module.ROWS):  # the memory at hand changes nothing
        monkeypatch.setattr(module, "ROWS", rows)
        found = kernel_distance(torch.tensor(x), torch.tensor(y))
        assert found == pytest.approx(expected, rel=1e-10)


def test_it_is_that_of_torchmetrics():
    x, y = torch.tensor(RNG.normal(size=(40, 8))), torch.tensor(RNG.normal(size=(40, 8)) + 0.3)
    assert kernel_distance(x, y) == pytest.approx(float(poly_mmd(x, y)), rel=1e-10)


def test_it_has_no_bias():
    """Over all pairs of samples of a population its mean is the distance of two populations."""
    p, q = RNG.normal(size=(3, 2)), RNG.normal(size=(2, 2)) + 1
    exact = (
        np.mean([kernel(a, b) for a in p for b in p])
        + np.mean([kernel(a, b) for a in q for b in q])
        - 2 * np.mean([kernel(a, b) for a in p for b in q])
    )
    drawn = [
        kernel_distance(torch.tensor(p[list(i)]), torch.tensor(q[list(j)]))
        for i in itertools.product(range(3), repeat=2)
        for j in itertools.product(range(2), repeat=2)
    ]
    assert np.mean(drawn) == pytest.approx(exact, rel=1e-10)


def test_it_sees_a_third_moment_that_a_frechet_distance_cannot():
    skewed = np.array([-0.5] * 8 + [2.0] * 2)  # mean 0, variance 1
    even = np.array([-1.0] * 5 + [1.0] * 5)
    x, y = (torch.tensor(np.tile(v, 200))[:, None] for v in (skewed, even))
    third = np.mean(skewed**3)
    # (a b + 1)^3: the squared differences of the first three moments, times 3, 3 and 1
    assert kernel_distance(x, y) == pytest.approx(third**2, rel=0.02)
