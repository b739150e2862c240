"""Statistical tests with a stated failure rate.

A right sampler fails one of these with probability FAILURE_RATE; seeds are fixed, so a test that
passes once passes always, and the rate bounds the chance that its seed had to be picked.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

FAILURE_RATE = 1e-6


def z_test(sample: ArrayLike, mean: float, variance: float) -> None:
    """Assert that the sample's average is that of a law of this mean and (exact) variance.

    Detects, with probability 1/2, a bias of 4.9 standard errors.
    """
    values = np.asarray(sample, dtype=np.float64).ravel()
    z = (values.mean() - mean) / np.sqrt(variance / values.size)
    p = 2 * stats.norm.sf(abs(z))
    assert p > FAILURE_RATE, f"mean {values.mean():.6g}, expected {mean:.6g}: z = {z:.2f}"


def chi2_test(counts: ArrayLike, probabilities: ArrayLike) -> None:
    """Assert that the counts are a multinomial draw of these probabilities.

    Cells that expect fewer than 5 draws are pooled, as the chi-square approximation wants.
    """
    observed = np.asarray(counts, dtype=np.float64)
    expected = np.asarray(probabilities, dtype=np.float64) * observed.sum()
    assert abs(expected.sum() / observed.sum() - 1) < 1e-4, "the probabilities do not sum to 1"
    rare = expected < 5
    if rare.any():
        observed = np.append(observed[~rare], observed[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    if expected[-1] < 5:
        # Even pooled too few: no chi-square; a hundred of them would be a wrong sampler.
        assert stats.poisson.sf(observed[-1] - 1, expected[-1]) > FAILURE_RATE
        observed, expected = observed[:-1], expected[:-1]
    statistic = float(((observed - expected) ** 2 / expected).sum())
    p = stats.chi2.sf(statistic, max(len(expected) - 1, 1))
    assert p > FAILURE_RATE, f"chi2 = {statistic:.1f} in {len(expected)} cells, p = {p:.2g}"


def assert_mean(samples: np.ndarray, expected: np.ndarray | float) -> None:
    """The mean over axis 0 is as expected; a right sampler fails once in 1 / FAILURE_RATE."""
    error = samples.mean(0) - expected
    z = error / (samples.std(0, ddof=1) / np.sqrt(len(samples)))
    bound = stats.norm.isf(FAILURE_RATE / 2 / z.size)
    assert np.all(np.abs(z) < bound), f"z = {z} exceeds {bound:.2f}: mean {samples.mean(0)}"
