"""A z-test with a stated failure rate."""

import numpy as np
from scipy.stats import norm

FAILURE_RATE = 1e-6


def assert_mean(samples: np.ndarray, expected: np.ndarray | float) -> None:
    """The mean over axis 0 is as expected; a right sampler fails once in 1 / FAILURE_RATE."""
    error = samples.mean(0) - expected
    z = error / (samples.std(0, ddof=1) / np.sqrt(len(samples)))
    bound = norm.isf(FAILURE_RATE / 2 / z.size)
    assert np.all(np.abs(z) < bound), f"z = {z} exceeds {bound:.2f}: mean {samples.mean(0)}"
