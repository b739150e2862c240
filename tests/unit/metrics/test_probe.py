import math

import numpy as np
import pytest
import torch
from helpers.stats import FAILURE_RATE
from scipy.stats import norm

from vael.metrics.probe import probe_labels

BOUND = norm.isf(FAILURE_RATE / 2)


def two_classes(count, seed, distance, noise_dims=0, noise_scale=1.0):
    """Normal clouds whose means are ``distance`` standard deviations apart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, size=count)
    z = rng.normal(size=(count, 1)) + distance * (y[:, None] - 0.5)
    z = np.concatenate([z, noise_scale * rng.normal(size=(count, noise_dims))], 1)
    return torch.tensor(z).float(), torch.tensor(y)


def test_a_linear_world_has_the_accuracy_of_bayes():
    found = probe_labels(*two_classes(4000, 0, 2.0), *two_classes(4000, 1, 2.0))
    best = norm.cdf(1.0)
    assert abs(found.linear - best) < BOUND * found.linear_se
    assert found.linear_se == pytest.approx(math.sqrt(best * (1 - best) / 4000), rel=0.05)
    assert 0.75 < found.knn < best
    assert (found.train_examples, found.examples, found.classes) == (4000, 4000, 2)
    assert found.neighbours == 5
    assert found.converged


def test_latents_that_know_nothing_guess():
    found = probe_labels(*two_classes(2000, 0, 0.0), *two_classes(2000, 1, 0.0))
    assert abs(found.linear - 0.5) < BOUND * 0.5 / math.sqrt(2000)
    assert abs(found.knn - 0.5) < BOUND * 0.5 / math.sqrt(2000)


def test_what_is_learnt_by_heart_is_not_scored():
    """40 examples in 50 dimensions are always separable: fitted to the split it would get 1."""
    found = probe_labels(*two_classes(40, 0, 0.0, 50), *two_classes(40, 1, 0.0, 50))
    assert abs(found.linear - 0.5) < BOUND * 0.5 / math.sqrt(40)


def test_a_checkerboard_is_local_and_not_linear():
    rng = np.random.default_rng(0)
    z = torch.tensor(rng.uniform(-1, 1, size=(4000, 2)))
    y = (z.prod(1) > 0).long()
    found = probe_labels(z[:2000], y[:2000], z[2000:], y[2000:])
    assert found.linear < 0.6
    assert found.knn > 0.95


def test_a_dimension_that_is_not_used_does_not_weigh_on_the_neighbours():
    train, test = (two_classes(1000, seed, 8.0, 50, 1e-3) for seed in (0, 1))
    found = probe_labels(*train, *test)
    assert found.knn > 0.99
    assert found.linear > 0.99


def test_the_linear_probe_finds_what_is_written_small():
    small = torch.tensor([1e-4] + [1.0] * 20)
    (z, y), (test, labels) = (two_classes(1000, seed, 8.0, 20) for seed in (0, 1))
    found = probe_labels(z * small, y, test * small, labels)
    assert found.linear > 0.99
    assert found.knn < 0.6


def test_a_constant_dimension_does_not_disturb():
    (z, y), (test, labels) = two_classes(300, 0, 6.0), two_classes(300, 1, 6.0)
    wide = [torch.cat([t, torch.full((300, 1), 3.0)], 1) for t in (z, test)]
    assert probe_labels(wide[0], y, wide[1], labels).linear > 0.99


def test_the_majority_is_trains_and_is_scored_on_the_split():
    z = torch.zeros(10, 1)
    train = torch.tensor([0] * 7 + [1] * 3)
    test = torch.tensor([0] * 2 + [1] * 8)
    assert probe_labels(z, train, z, test).majority == pytest.approx(0.2)


def test_a_single_class_has_no_probe():
    z = torch.randn(10, 2)
    assert probe_labels(z, torch.zeros(10).long(), z, torch.zeros(10).long()) is None


def test_few_examples_have_few_neighbours():
    z, y = torch.tensor([[0.0], [1.0], [10.0]]), torch.tensor([0, 0, 1])
    assert probe_labels(z, y, z, y).neighbours == 3


def test_an_optimiser_that_stops_early_says_so(monkeypatch):
    from vael.metrics import probe as module

    monkeypatch.setattr(module, "MAX_ITERATIONS", 2)
    found = probe_labels(*two_classes(500, 0, 2.0, 20), *two_classes(500, 1, 2.0, 20))
    assert not found.converged
