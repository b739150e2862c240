"""Against the formulas of the papers, written out in numpy, and against themselves in pieces."""

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from vael.metrics.bounds import GROUPS, Bounds, sample_counts

K = 2345
LOG_W = np.random.default_rng(0).normal(size=(K, 4)) * [0.1, 1, 3, 10] - 500


def fed(log_w, ks, piece=None):
    bounds = Bounds(len(log_w), ks)
    for part in torch.from_numpy(log_w).split(piece or len(log_w)):
        bounds.add(part)
    return bounds


@pytest.mark.parametrize(
    ("samples", "ks"),
    [(1, (1,)), (4, (1, 4)), (10, (1, 10)), (1000, (1, 10, 100, 1000)), (250, (1, 10, 100, 250))],
)
def test_the_ladder_ends_with_all_samples(samples, ks):
    assert sample_counts(samples) == ks


@pytest.mark.parametrize("k", [1, 10, 100, 1000, K])
def test_a_bound_is_the_mean_over_whole_blocks_of_consecutive_samples(k):
    blocks = [LOG_W[at : at + k] for at in range(0, K - k + 1, k)]
    assert len(blocks) == K // k
    expected = np.mean([logsumexp(block, axis=0) - math.log(k) for block in blocks], axis=0)
    np.testing.assert_allclose(fed(LOG_W, (k,)).at(k), expected, rtol=1e-14)


@pytest.mark.parametrize("piece", [1, 7, 256, 999, 1001])
def test_pieces_of_any_size_give_what_the_whole_gives(piece):
    whole, pieces = fed(LOG_W, sample_counts(K)), fed(LOG_W, sample_counts(K), piece)
    for k in sample_counts(K):
        np.testing.assert_allclose(pieces.at(k), whole.at(k), rtol=1e-14)
    np.testing.assert_allclose(pieces.jackknife(), whole.jackknife(), rtol=1e-12)
    np.testing.assert_allclose(pieces.effective_samples(), whole.effective_samples(), rtol=1e-11)


def test_the_bound_of_huge_weights_does_not_overflow():
    found = fed(np.array([[1000.0], [1000.0 + math.log(3)]]), (2,)).at(2)
    assert found.item() == pytest.approx(1000 + math.log(2), rel=1e-15)


def test_the_jackknife_leaves_each_sample_out_once():
    """Nowozin 2018, Eq. 8, term by term."""
    n = 300
    whole = logsumexp(LOG_W[:n], axis=0) - math.log(n)
    without = [
        logsumexp(np.delete(LOG_W[:n], s, axis=0), axis=0) - math.log(n - 1) for s in range(n)
    ]
    expected = n * whole - (n - 1) / n * np.sum(without, axis=0)
    np.testing.assert_allclose(fed(LOG_W[:n], (n,)).jackknife(), expected, rtol=1e-11)


def test_beyond_a_thousand_samples_groups_are_left_out():
    """Busing et al. 1999: g L - sum (1 - m_i / K) L^(-i), groups of 3 and of 2."""
    group = np.arange(K) % GROUPS
    whole = logsumexp(LOG_W, axis=0) - math.log(K)
    expected = GROUPS * whole
    for g in range(GROUPS):
        left = LOG_W[group != g]
        expected -= len(left) / K * (logsumexp(left, axis=0) - math.log(len(left)))
    np.testing.assert_allclose(fed(LOG_W, (K,)).jackknife(), expected, rtol=1e-10)


def test_the_jackknife_removes_the_bias_of_first_order():
    """Log-normal weights of mean 1 (log p = 0): E[L_K] = -Var(w) / 2K + O(1/K^2)."""
    rng, sigma, k = np.random.default_rng(1), 0.5, 20
    log_w = rng.normal(-(sigma**2) / 2, sigma, size=(k, 200_000))
    bounds = fed(log_w, (k,))
    estimate = bounds.jackknife()
    assert bounds.at(k).mean() == pytest.approx(-math.expm1(sigma**2) / (2 * k), rel=0.1)
    error = float(estimate.std() / math.sqrt(estimate.numel()))
    assert abs(float(estimate.mean())) < 5 * error + 1 / k**2 * 0.2


def test_one_dominating_sample_is_left_out_without_cancellation():
    log_w = np.array([[0.0], [-80.0], [-81.0]])
    rest = logsumexp(log_w[1:]) - math.log(2)
    expected = -3 * math.log(3) - 2 / 3 * (rest - 2 * math.log(2))
    assert fed(log_w, (3,)).jackknife().item() == pytest.approx(expected, rel=1e-12)


def test_one_sample_has_no_jackknife():
    assert fed(LOG_W[:1], (1,)).jackknife() is None


def test_effective_samples():
    w = np.exp(LOG_W - LOG_W.max(0))
    found = fed(LOG_W, (K,)).effective_samples()
    np.testing.assert_allclose(found, w.sum(0) ** 2 / (w**2).sum(0), rtol=1e-10)
    equal = fed(np.full((50, 1), -3e4), (50,)).effective_samples()
    assert equal.item() == pytest.approx(50, rel=1e-9)
