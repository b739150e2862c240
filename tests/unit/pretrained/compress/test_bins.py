"""Bins of equal mass under the prior, and what a normal gives them."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from scipy.stats import norm

from vael.pretrained.compress.bins import BITS, SPLIT, LatentBins

BINS = LatentBins()


def exact(edges, mean, sigma):
    """Masses of N(mean, sigma^2) between edges, in 40 digits, over the largest one."""
    with mpmath.workdps(40):
        t = [(mpmath.mpf(float(e)) - mean) / sigma for e in edges]
        mass = [phi(b) - phi(a) if a < 0 else phi(-a) - phi(-b) for a, b in pairwise(t)]
        return np.array([float(m / max(mass)) for m in mass])


def phi(t):
    return mpmath.mpf(t > 0) if mpmath.isinf(t) else mpmath.ncdf(t)


def test_each_bin_has_the_same_mass_under_the_prior_and_its_centre_halves_it():
    below = norm.cdf(BINS.centres) * 2**BITS
    np.testing.assert_allclose(below, np.arange(2**BITS) + 0.5, rtol=1e-9)


@pytest.mark.parametrize(("mean", "sigma"), [(0.3, 0.5), (-2.0, 0.01), (6.0, 0.2), (0.0, 3.0)])
def test_the_coarse_masses_are_those_of_the_normal(mean, sigma):
    edges = norm.ppf(np.arange(SPLIT + 1) / SPLIT)
    found = BINS.coarse_masses(np.array([mean]), np.array([sigma]))[0]
    wanted = exact(edges, mean, sigma)
    seen = wanted > 2.0**-24  # below, the coder knows one mass only
    np.testing.assert_allclose(found[seen], wanted[seen], rtol=1e-5)
    assert (found[~seen] < 2.0**-23).all()


@pytest.mark.parametrize("coarse", [0, 127, 200])
@pytest.mark.parametrize(("mean", "sigma"), [(0.3, 0.5), (-4.0, 0.3), (4.0, 0.3)])
def test_the_fine_masses_keep_their_digits_in_both_tails(mean, sigma, coarse):
    edges = norm.ppf((coarse * SPLIT + np.arange(SPLIT + 1)) / 2**BITS)
    where = np.array([coarse], dtype=np.int32)
    found = BINS.fine_masses(np.array([mean]), np.array([sigma]), where)[0]
    wanted = exact(edges, mean, sigma)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-7)


def test_bins_that_the_posterior_cannot_reach_are_as_likely_as_each_other():
    where = np.array([255], dtype=np.int32)
    found = BINS.fine_masses(np.array([-30.0]), np.array([0.001]), where)[0]
    assert (found == 1).all()
