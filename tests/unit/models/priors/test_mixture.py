"""Mixtures as priors: densities by scipy, draws by their moments and their shares."""

import math

import numpy as np
import pytest
import torch
from helpers.stats import chi2_test, z_test
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from vael.errors import ConfigError
from vael.models.posteriors import FullNormal, Normal
from vael.models.posteriors.normal import NormalRecord
from vael.models.priors import NormalMixture, StandardNormal
from vael.models.priors.mixture_record import LatentMixtureRecord, mixture_noise_shape

D = 3
EXACT = {"rtol": 1e-10, "atol": 1e-12}
WEIGHTS = np.array([0.5, 0.05, 0.15, 0.3])


def record(kind=Normal, weights=WEIGHTS, seed=0):
    """A mixture of posteriors of this kind, float64, with the covariances by themselves."""
    family = kind((D,)).double()
    theta = torch.from_numpy(
        np.random.default_rng(seed).normal(size=(len(weights), *family.theta_shape))
    )
    components = family(theta)
    p = LatentMixtureRecord(components, torch.from_numpy(np.log(weights)))
    tril = components.tril if kind is FullNormal else torch.diag_embed(components.sigma)
    return p, components.mean.numpy(), (tril @ tril.mT).numpy()


def noise(*lead, seed=1):
    return torch.from_numpy(
        np.random.default_rng(seed).normal(size=(*lead, *mixture_noise_shape((D,))))
    )


@pytest.mark.parametrize("kind", [Normal, FullNormal])
@pytest.mark.parametrize("block", [1, 2**24], ids=["by single rows", "at once"])
def test_the_density_is_that_of_scipy_enumerated_over_the_components(kind, block, monkeypatch):
    for place in ("priors.mixture_record", "posteriors.base"):
        monkeypatch.setattr(f"vael.models.{place}.BLOCK", block)
    p, means, covariances = record(kind)
    z = 2 * np.random.default_rng(2).normal(size=(5, 2, D))
    parts = [multivariate_normal(m, c).logpdf(z) for m, c in zip(means, covariances, strict=True)]
    wanted = logsumexp(np.stack(parts, -1), axis=-1, b=WEIGHTS)
    np.testing.assert_allclose(p.log_prob(torch.from_numpy(z)), wanted, rtol=1e-10)


@pytest.mark.parametrize("kind", [Normal, FullNormal])
def test_mean_and_sigma_are_the_moments_of_the_mixture(kind):
    p, means, covariances = record(kind)
    mean = WEIGHTS @ means
    second = np.einsum("k,kij->ij", WEIGHTS, covariances + means[:, :, None] * means[:, None])
    np.testing.assert_allclose(p.mean, mean, rtol=1e-10)
    np.testing.assert_allclose(p.sigma**2, np.diag(second - np.outer(mean, mean)), rtol=1e-10)


@pytest.mark.parametrize("kind", [Normal, FullNormal])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_draws_choose_by_the_weights_and_a_temperature_narrows_the_components(kind, temperature):
    p, *_ = record(kind)
    far = torch.arange(len(WEIGHTS)).double()[:, None] * 1e3  # tells the components apart
    apart = LatentMixtureRecord(
        type(p.components)(
            far + torch.zeros(D).double(),
            *[
                getattr(p.components, name)
                for name in (["log_sigma"] if kind is Normal else ["log_diag", "lower"])
            ],
        ),
        p.log_weights,
    )
    z = apart.rsample(temperature * noise(4, 10_000))
    k = (z[..., 0] / 1e3).round().long()
    chi2_test(np.bincount(k.flatten(), minlength=4), WEIGHTS)
    for number in range(len(WEIGHTS)):
        inside = z[k == number] - 1e3 * number
        for dim in range(D):
            variance = float(temperature * p.components.sigma[number, dim]) ** 2
            z_test(inside[:, dim], 0.0, variance)
            z_test(inside[:, dim] ** 2, variance, 2 * variance**2)  # of a chi-square


def test_a_component_without_weight_is_never_drawn():
    p, *_ = record(weights=np.array([1e-300, 0.5, 1e-300, 0.5]))
    z, wanted = p.rsample(noise(1, 5000)), noise(1, 5000)[..., 2:]
    found = [p.components.mean[k] + p.components.sigma[k] * wanted for k in (1, 3)]
    near = torch.stack([(z - each).abs().amax(-1) for each in found]).amin(0)
    assert float(near.max()) < 1e-12


def test_a_single_standard_component_is_the_standard_normal():
    prior = NormalMixture((D,), components=1).double()
    with torch.no_grad():
        prior.mu.zero_()
    p, standard = prior(encode=None), StandardNormal((D,)).double()(encode=None)
    z = noise(4, 5)[..., :D]
    torch.testing.assert_close(p.log_prob(z), standard.log_prob(z), **EXACT)
    assert torch.equal(p.mean, standard.mean)
    torch.testing.assert_close(p.sigma, standard.sigma, **EXACT)
    assert torch.equal(p.rsample(noise(4, 5)), noise(4, 5)[..., 2:])


def test_the_estimated_rate_is_unbiased_for_the_closed_form():
    """log q - log p at z ~ q has the mean KL(q || p): K equal components are one normal."""
    q = NormalRecord(torch.tensor([[0.4, -1.0, 0.2]]).double(), torch.full((1, D), -0.5).double())
    one = NormalRecord(torch.full((D,), 0.3).double(), torch.full((D,), 0.2).double())
    p = LatentMixtureRecord(
        NormalRecord(one.mu.expand(4, D), one.log_sigma.expand(4, D)),
        torch.from_numpy(np.log(WEIGHTS)),
    )
    z = q.rsample(noise(40_000, 1)[..., :D])
    estimates = (q.log_prob(z) - p.log_prob(z)).flatten()
    z_test(estimates, float(q.kl(one)), float(estimates.var()))
    assert q.kl(p) is None


def test_the_estimated_rate_is_the_kl_by_quadrature():
    p, means, covariances = record()
    q = NormalRecord(torch.full((1, D), 0.3).double(), torch.full((1, D), -0.7).double())
    points, weights = np.polynomial.hermite_e.hermegauss(40)
    grid = np.stack(np.meshgrid(points, points, points, indexing="ij"), -1).reshape(-1, D)
    mass = np.einsum("i,j,k->ijk", weights, weights, weights).ravel() / (2 * math.pi) ** 1.5
    z = 0.3 + math.exp(-0.7) * grid
    parts = [multivariate_normal(m, c).logpdf(z) for m, c in zip(means, covariances, strict=True)]
    log_q = norm(0.3, math.exp(-0.7)).logpdf(z).sum(-1)
    kl = mass @ (log_q - logsumexp(np.stack(parts, -1), axis=-1, b=WEIGHTS))
    drawn = q.rsample(noise(40_000, 1)[..., :D])
    estimates = (q.log_prob(drawn) - p.log_prob(drawn)).flatten()
    z_test(estimates, float(kl), float(estimates.var()))


def test_everything_of_the_mixture_learns():
    torch.manual_seed(0)
    prior = NormalMixture((D,), components=4).double()
    prior(encode=None).log_prob(noise(2, 3)[..., :D]).sum().backward()
    assert all(float(each.grad.abs().min()) > 0 for each in prior.parameters())
    assert prior.noise_shape == (2 + D,)


@pytest.mark.parametrize("options", [{"components": 0}, {"components": 2.5}, {"spread": 0.0}])
def test_options_out_of_range_are_refused_by_name(options):
    (name,) = options
    with pytest.raises(ConfigError, match=rf"prior\.{name} must be .* but got "):
        NormalMixture((D,), **options)


@pytest.mark.parametrize("shape", [(50,), (2, 3, 3)])
def test_the_product_over_normals_loses_no_digit_of_float32(shape):
    """Narrow components far from 0 and z near them, where float32 would have no digit left."""
    rng = np.random.default_rng(0)
    mu, log_sigma = rng.normal(0, 10, (6, *shape)), rng.uniform(-6, 2, (6, *shape))
    z = (mu + np.exp(log_sigma) * rng.normal(size=mu.shape))[:4]
    record = NormalRecord(
        *(torch.tensor(t, dtype=torch.float32) for t in (mu, log_sigma)), len(shape)
    )
    exact = NormalRecord(record.mu.double(), record.log_sigma.double(), len(shape))
    points = torch.tensor(z, dtype=torch.float32)
    wanted = torch.stack([exact.log_prob(point.double()) for point in points])
    found = record.log_prob_under_each(points)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=1e-5)


def test_the_gradient_of_the_product_is_that_of_the_density():
    rng = np.random.default_rng(0)
    tensors = [torch.tensor(rng.normal(size=(n, D)), requires_grad=True) for n in (5, 4, 4)]

    def density(z, mu, log_sigma):
        return NormalRecord(mu, log_sigma).log_prob_under_each(z)

    assert torch.autograd.gradcheck(density, tensors)
