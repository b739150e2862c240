"""The mixture of logistics with three channels: laws given the channels before, draws, mean."""

import itertools

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from helpers.stats import assert_mean, chi2_test
from torch import Tensor
from unit.models.likelihoods.masses import channel_terms

from vael.errors import ConfigError
from vael.models.likelihoods.logistic_mixture import LogisticMixture
from vael.models.likelihoods.mixture import MixtureRecord

COLOUR = (3, 2, 2)


def record(levels: int | None, fit: str = "auto", spread: float = 2.0) -> MixtureRecord:
    """A mixture of 4 for (1, 5) colour images, in float64."""
    likelihood = LogisticMixture(COLOUR, levels, components=4, fit=fit).double()
    generator = torch.Generator().manual_seed(3)
    theta = torch.randn(1, 5, *likelihood.theta_shape, generator=generator, dtype=torch.float64)
    return likelihood(spread * theta)


def images(levels: int, *lead: int) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    ks = torch.randint(0, levels, (*lead, *COLOUR), generator=generator)
    return ks.double() / (levels - 1)


def log_masses_by_scipy(px: MixtureRecord, x: Tensor, levels: int) -> np.ndarray:
    """log P(pixel) ``(1, 5, 4)``, written out by Salimans et al. (2017), Equations 2 and 3."""
    x = x.numpy().reshape(5, 3, 4)
    mu, sigma = px.location.numpy(), px.log_sigma.exp().numpy()
    alpha, beta, gamma = (px.slopes.numpy()[..., i, :] for i in range(3))
    r, g, b = (x[:, None, c] for c in range(3))
    at = [
        mu[..., 0, :],
        mu[..., 1, :] + alpha * (r - 0.5),
        mu[..., 2, :] + beta * (r - 0.5) + gamma * (g - 0.5),
    ]
    log_mass = px.log_weights.numpy()
    for c, value in enumerate((r, g, b)):
        low = np.where(value == 0, -np.inf, value - 0.5 / (levels - 1))
        high = np.where(value == 1, np.inf, value + 0.5 / (levels - 1))
        law = scipy.stats.logistic(at[c], sigma[..., c, :])
        right = low > at[c]  # the difference is taken in the smaller tail
        log_mass = log_mass + np.log(
            np.where(right, law.sf(low) - law.sf(high), law.cdf(high) - law.cdf(low))
        )
    return scipy.special.logsumexp(log_mass, axis=-2)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_log_mass_is_that_of_the_paper(levels: int):
    px, x = record(levels, spread=0.5), images(levels, 5)  # beyond, scipy's masses underflow
    wanted = log_masses_by_scipy(px, x, levels).sum(-1)
    np.testing.assert_allclose(px.log_mass(x), wanted, rtol=1e-9)
    by_channel = channel_terms(px, x)
    assert by_channel.shape == (1, 5, *COLOUR)
    np.testing.assert_allclose(by_channel.flatten(2).sum(-1), wanted, rtol=1e-9)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_each_channel_is_a_distribution_given_those_before(
    levels: int, channel: int, dtype: torch.dtype, atol: float
):
    likelihood = LogisticMixture(COLOUR, levels, components=4).to(dtype)
    generator = torch.Generator().manual_seed(3)
    for size in (0.0, 2.0, 20.0):
        theta = size * torch.randn(1, 5, *likelihood.theta_shape, generator=generator, dtype=dtype)
        px, x = likelihood(theta), images(levels, 5).to(dtype)
        total = torch.zeros(1, 5, 2, 2, dtype=torch.float64)
        for k in range(levels):
            x[:, channel] = k / (levels - 1)
            total += channel_terms(px, x)[:, :, channel].double().exp()
        torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=atol)


def test_float32_is_within_1e_4_nats_of_float64_for_each_value():
    for levels in (2, 17, 256):
        likelihood = LogisticMixture(COLOUR, levels, components=4)
        theta = 3 * torch.randn(
            1, 5, *likelihood.theta_shape, generator=torch.Generator().manual_seed(5)
        )
        px = likelihood(theta)
        exact = type(px)(
            *(t.double() for t in (px.log_weights, px.location, px.log_sigma, px.slopes)),
            COLOUR,
            levels,
            px.grid,
            px.law,
        )
        x = images(levels, 5).float()
        ours, wanted = channel_terms(px, x), channel_terms(exact, x.double())
        torch.testing.assert_close(ours.double(), wanted, rtol=4 * 2.0**-23, atol=1e-4)


def test_gradcheck():
    likelihood = LogisticMixture((3, 1, 1), 17, components=2).double()
    generator = torch.Generator().manual_seed(6)
    shape = (1, 2, *likelihood.theta_shape)
    theta = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
    x = images(17, 2)[..., :1, :1]
    for score in ("log_mass", "log_prob"):
        assert torch.autograd.gradcheck(lambda t, s=score: getattr(likelihood(t), s)(x), (theta,))


def test_draws_of_two_channels_follow_their_joint_law():
    levels, n = 5, 100_000
    likelihood = LogisticMixture((2, 1, 1), levels, components=3, sigma=0.13)
    shape = (1, 1, *likelihood.theta_shape)
    px = likelihood(torch.randn(shape, generator=torch.Generator().manual_seed(8)))
    assert px.slopes.abs().max() > 0.5  # the second channel does depend on the first
    noise = torch.rand(n, 1, 2, 1, 1, generator=torch.Generator().manual_seed(9))
    k = (px.sample(noise) * (levels - 1)).round().long().view(n, 2)
    counts = torch.bincount(k[:, 0] * levels + k[:, 1], minlength=levels**2)
    grid = list(itertools.product(range(levels), repeat=2))
    x = torch.tensor(grid).view(-1, 1, 2, 1, 1) / (levels - 1)
    chi2_test(counts, px.log_mass(x).exp().view(-1))


def test_the_mean_is_exact_where_the_components_lie_inside():
    """By linearity: the law of total expectation, written out for three channels."""
    levels = 256
    generator = torch.Generator().manual_seed(10)
    location = 0.4 + 0.2 * torch.rand(1, 1, 3, 3, 4, generator=generator, dtype=torch.float64)
    slopes = 0.5 * torch.randn(1, 1, 3, 3, 4, generator=generator, dtype=torch.float64)
    log_weights = torch.randn(1, 1, 3, 4, generator=generator).double().log_softmax(-2)
    like = LogisticMixture(COLOUR, levels, components=3).double()
    made = like(torch.zeros(1, 1, *like.theta_shape).double())
    px = type(made)(
        log_weights,
        location,
        torch.full_like(location, np.log(0.008)),
        slopes,
        COLOUR,
        levels,
        made.grid,
        made.law,
    )
    e0 = location[..., 0, :]
    e1 = location[..., 1, :] + slopes[..., 0, :] * (e0 - 0.5)
    e2 = location[..., 2, :] + slopes[..., 1, :] * (e0 - 0.5) + slopes[..., 2, :] * (e1 - 0.5)
    wanted = (log_weights.exp().unsqueeze(-2) * torch.stack((e0, e1, e2), -2)).sum(-3)
    torch.testing.assert_close(px.mean, wanted.view(1, 1, *COLOUR), rtol=0, atol=1e-6)


def test_the_mean_of_a_density_is_that_of_its_draws():
    px = record(256, "density", spread=0.3)
    noise = torch.rand(40_000, 5, *COLOUR, generator=torch.Generator().manual_seed(11))
    assert_mean(px.sample(noise.double()).numpy(), px.mean[0].numpy())


def test_a_tables_columns_are_mixtures_of_their_own():
    likelihood = LogisticMixture((6,), None, components=3)
    assert likelihood.theta_shape == (9, 6)
    px = likelihood(torch.zeros(2, 4, 9, 6))
    torch.testing.assert_close(px.mean, torch.zeros(2, 4, 6))  # a standardised column's
    x = torch.randn(4, 6)
    by_column = channel_terms(px, x, "log_prob")
    torch.testing.assert_close(by_column.sum(-1), px.log_prob(x))
    places = (-2 / 3, 0.0, 2 / 3)
    wanted = np.mean([scipy.stats.logistic.pdf(x, at, 0.1) for at in places], 0)
    np.testing.assert_allclose(by_column[0].exp(), wanted, rtol=1e-4)


def test_the_parameters_are_as_many_as_the_paper_says():
    assert LogisticMixture((3, 8, 8), 256, components=5).theta_shape == (50, 1, 8, 8)
    assert LogisticMixture((1, 8, 8), 17, components=5).theta_shape == (15, 1, 8, 8)


@pytest.mark.parametrize("components", [0, -1, 2.5, True, "many", None])
def test_bad_components_are_refused(components: object):
    with pytest.raises(ConfigError, match=r"likelihood\.components must be a positive integer"):
        LogisticMixture(COLOUR, 256, components=components)


def test_another_event_shape_is_refused():
    with pytest.raises(ConfigError, match=r"needs images.*or a table.*shape \(8, 8\)"):
        LogisticMixture((8, 8), 256)


def test_the_scales_are_bounded_and_say_so():
    likelihood = LogisticMixture((1, 2, 2), 256, components=2)
    theta = torch.zeros(1, 3, *likelihood.theta_shape)
    assert likelihood.at_bound(likelihood(theta)) == 0
    px = likelihood(theta - 1e3)
    torch.testing.assert_close(px.log_sigma.exp().amin(), torch.tensor(0.5 / 255))
    assert likelihood.at_bound(px) == 1
