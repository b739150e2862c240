"""The statistical helper accepts a right sampler and rejects a wrong one."""

import numpy as np
import pytest
from helpers.stats import assert_mean, chi2_test, z_test

N = 400_000  # a bias of 1 % of a standard deviation is 6.3 standard errors


def test_z_test_accepts_the_right_mean_and_rejects_one_percent_of_bias():
    draws = np.random.default_rng(0).normal(size=N)
    z_test(draws, 0.0, 1.0)
    with pytest.raises(AssertionError, match="z ="):
        z_test(draws + 0.01, 0.0, 1.0)


def test_chi2_test_accepts_the_right_law_and_rejects_one_percent_of_bias():
    law = np.array([0.5, 0.3, 0.2 - 1e-6, 1e-6])
    counts = np.random.default_rng(1).multinomial(N, law)
    chi2_test(counts, law)
    with pytest.raises(AssertionError, match="chi2 ="):
        chi2_test(counts, law + np.array([0.01, -0.01, 0, 0]))


def test_chi2_test_rejects_draws_in_an_all_but_impossible_cell():
    law = np.array([0.5, 0.5 - 1e-9, 1e-9])
    with pytest.raises(AssertionError):
        chi2_test([N / 2, N / 2 - 20, 20], law)


def test_assert_mean_accepts_a_right_sampler_and_rejects_a_bias_of_one_percent():
    samples = np.random.default_rng(0).normal(1.0, 0.3, size=(40_000, 3))
    assert_mean(samples, 1.0)
    with pytest.raises(AssertionError, match="exceeds"):
        assert_mean(samples * 1.01, 1.0)
