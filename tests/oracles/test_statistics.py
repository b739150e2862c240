import numpy as np
import pytest
from oracles.statistics import assert_mean


def test_assert_mean_accepts_a_right_sampler_and_rejects_a_bias_of_one_percent():
    samples = np.random.default_rng(0).normal(1.0, 0.3, size=(40_000, 3))
    assert_mean(samples, 1.0)
    with pytest.raises(AssertionError, match="exceeds"):
        assert_mean(samples * 1.01, 1.0)
