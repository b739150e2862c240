"""The range of a traversal against closed forms: normal priors, and a mixture's by its cdf."""

import math

import torch
from scipy.optimize import brentq
from scipy.stats import norm

from vael.metrics.latent_range import measure_range
from vael.models.posteriors.normal import NormalRecord
from vael.models.priors import NormalMixture


def test_a_normal_prior_is_covered_to_its_standard_deviations():
    mean, sigma = torch.tensor([0.0, 3.0]), torch.tensor([1.0, 0.5])
    found = measure_range(NormalRecord(mean, sigma.log()), (2,), reach=2.5)
    torch.testing.assert_close(found.low, torch.tensor([-2.5, 1.75]))
    torch.testing.assert_close(found.high, torch.tensor([2.5, 4.25]))
    assert found.space([0], 11)[0].equal(torch.linspace(-2.5, 2.5, 11))
    assert found.space([1, 0], 3)[:, 1].tolist() == [3.0, 0.0]


def test_a_mixture_is_covered_to_the_same_quantiles_as_a_normal():
    """Order statistics of 10,000 draws; their standard error is sqrt(a (1 - a) / n) / density.

    Six of them are allowed: a fixed seed, four comparisons, 1e-8 by chance.
    """
    prior = NormalMixture((2,), components=2)
    weights, mu, sigma = [0.25, 0.75], [[-6.0, 0.0], [1.0, 0.0]], [[0.5, 1.0], [2.0, 3.0]]
    with torch.no_grad():
        prior.logits.copy_(torch.tensor(weights).log())
        prior.mu.copy_(torch.tensor(mu))
        prior.log_sigma.copy_(torch.tensor(sigma).log())
    found = measure_range(prior(lambda x: x), prior.noise_shape)
    for dim in range(2):
        law = [norm(mu[k][dim], sigma[k][dim]) for k in range(2)]

        def cdf(z, law=law):
            return sum(w * one.cdf(z) for w, one in zip(weights, law, strict=True))

        for at, z in ((norm.cdf(-2.5), found.low[dim]), (norm.cdf(2.5), found.high[dim])):
            quantile = brentq(lambda z, at=at: cdf(z) - at, -50, 50)
            density = sum(w * one.pdf(quantile) for w, one in zip(weights, law, strict=True))
            error = math.sqrt(at * (1 - at) / 10_000) / density
            assert abs(float(z) - quantile) < 6 * error
    assert measure_range(prior(lambda x: x), prior.noise_shape).low.equal(found.low)
