"""Flows as priors: densities by scipy, autograd and integration; draws by their moments."""

import sys

import numpy as np
import pytest
import torch
from helpers.stats import z_test
from oracles.exact_vae import linear_vae
from oracles.flows import set_affine, shake
from oracles.linear_gaussian import LinearGaussian
from scipy.stats import multivariate_normal
from torch.distributions import Distribution, Normal

from vael.errors import ConfigError
from vael.models.posteriors import FullNormal
from vael.models.priors import AutoregressivePrior, SplinePrior

KINDS = {"autoregressive": AutoregressivePrior, "spline": SplinePrior}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
EXACT = {"rtol": 1e-9, "atol": 1e-10}


def noise(*shape, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def drawn(kind, d, size=1.0, **options):
    """A prior whose parameters are drawn, float64."""
    prior = kind((d,), **options).double()
    shake(prior.flow, size)
    return prior


def correlated(d=3):
    """An autoregressive prior that is N(mean, cov), with mean and cov."""
    mean, mix = noise(d).numpy(), noise(d, d, seed=2).numpy()
    cov = mix @ mix.T + 0.3 * np.eye(d)
    prior = AutoregressivePrior((d,), transforms=1, hidden=[]).double()
    inverse = np.linalg.inv(np.linalg.cholesky(cov))
    set_affine(prior.flow, inverse, -inverse @ mean)
    return prior, mean, cov


@pytest.mark.parametrize("checked", [True, False])
def test_a_flow_leaves_torchs_checks_of_arguments_as_they_were(checked, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "zuko"]:
        monkeypatch.delitem(sys.modules, name)  # so that it is imported anew
    monkeypatch.setattr(Distribution, "_validate_args", checked)
    SplinePrior((2,))
    assert "zuko.distributions" in sys.modules
    if not checked:
        Normal(0.0, -1.0)
        return
    with pytest.raises(ValueError, match="scale"):
        Normal(0.0, -1.0)


@kinds
@pytest.mark.parametrize("d", [1, 2, 16])
def test_it_starts_as_the_standard_normal(kind, d):
    p = kind((d,))(encode=None)
    z = 3 * noise(4, 5, d).float()  # some beyond the box of the splines
    want = multivariate_normal(np.zeros(d)).logpdf(z.double().numpy().reshape(20, d))
    np.testing.assert_allclose(p.log_prob(z).detach().reshape(20), want, rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(p.rsample(z), z, rtol=1e-6, atol=2e-6)
    torch.testing.assert_close(p.mean, torch.zeros(d), rtol=0, atol=1e-6)


def test_an_affine_flow_is_a_normal_of_any_covariance():
    prior, mean, cov = correlated()
    p, eps = prior(encode=None), noise(4, 5, 3)
    z = p.rsample(eps).detach()
    want = mean + eps.numpy() @ np.linalg.cholesky(cov).T
    np.testing.assert_allclose(z, want, rtol=1e-10)
    density = multivariate_normal(mean, cov).logpdf(z.numpy())
    np.testing.assert_allclose(p.log_prob(z).detach(), density, rtol=1e-10)
    np.testing.assert_allclose(p.mean.detach(), mean, rtol=1e-10)


def test_with_the_exact_posterior_every_sample_weighs_the_evidence_under_an_affine_flow():
    """x = W z + b + noise with z ~ N(mean, L L^T) is the world of W L and b + W mean."""
    prior, mean, cov = correlated()
    L = np.linalg.cholesky(cov)
    world = LinearGaussian.draw(5, 3)
    x = world.sample(6)
    white = LinearGaussian(world.W @ L, world.b + world.W @ mean, world.sigma)
    A, spread = white.posterior_map()
    cov_z = L @ spread @ L.T
    chol, d = np.linalg.cholesky(cov_z), 3
    theta = np.concatenate([np.log(np.diag(chol)), chol[np.tril_indices(d, -1)] * np.sqrt(d)])
    vae = linear_vae(world, FullNormal((d,)), L @ A, mean - L @ A @ white.b, theta)
    vae.latents.prior = prior
    trace = vae(torch.from_numpy(x), (noise(4, 6, d),))
    want = np.broadcast_to(white.log_evidence(x), (4, 6))
    np.testing.assert_allclose(trace.log_w().detach(), want, rtol=1e-9)
    np.testing.assert_allclose((trace.log_px - trace.rate).detach(), want, rtol=1e-9)


@kinds
@pytest.mark.parametrize("d", [1, 4])
@pytest.mark.parametrize("hidden", [[], [8], [16, 16]], ids=str)
def test_the_density_is_that_of_the_noise_less_the_log_determinant_by_autograd(kind, d, hidden):
    prior = drawn(kind, d, hidden=hidden)
    p, eps = prior(encode=None), noise(3, d)
    z = p.rsample(eps).detach()
    jacobians = torch.stack([torch.autograd.functional.jacobian(p.rsample, e) for e in eps])
    want = torch.from_numpy(multivariate_normal(np.zeros(d)).logpdf(eps.numpy()))
    want = want - torch.linalg.slogdet(jacobians).logabsdet
    torch.testing.assert_close(p.log_prob(z), want, **EXACT)
    u, _ = prior.flow(z)
    torch.testing.assert_close(u, eps, **EXACT)


@kinds
def test_the_density_integrates_to_1_and_its_moments_are_those_of_the_draws(kind):
    p = drawn(kind, 2, size=0.4, hidden=[16])(encode=None)
    side = torch.linspace(-12, 12, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        mass = p.log_prob(grid).exp() * (side[1] - side[0]) ** 2
        z = p.rsample(noise(20_000, 2))
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)
    assert float(mass.max()) < 0.01  # the grid is fine enough to see it
    for power in (1, 2):
        for dim in range(2):
            first, second = ((mass * grid[:, dim] ** n).sum() for n in (power, 2 * power))
            z_test(z[:, dim] ** power, float(first), float(second - first**2))


@kinds
def test_the_mean_is_near_that_of_many_draws(kind):
    p = drawn(kind, 3, size=0.5)(encode=None)
    with torch.no_grad():
        z = p.rsample(noise(20_000, 3))
        assert float(((p.mean - z.mean(0)) / z.std(0)).abs().max()) < 0.25


@kinds
def test_every_parameter_learns_and_the_noise_is_no_more_than_z(kind):
    prior = drawn(kind, 3, hidden=[8])
    prior(encode=None).log_prob(noise(20, 30, 3)).sum().backward()
    for name, parameter in prior.named_parameters():
        assert float(parameter.grad.abs().max()) > 0, name
    assert prior.noise_shape == (3,)


@kinds
def test_draws_in_single_precision_are_finite_and_come_back(kind):
    p = drawn(kind, 4).float()(encode=None)
    eps = torch.cat([noise(10_000, 4), 6 * noise(1000, 4, seed=2)]).float()
    with torch.no_grad():
        z = p.rsample(eps)
        u, log_det = p.flow(z)
    assert bool(z.isfinite().all())
    assert bool(log_det.isfinite().all())
    assert float((u - eps).abs().quantile(0.999)) < 1e-3


@kinds
def test_a_precision_of_a_step_rounds_no_density(kind):
    p, z = drawn(kind, 3).float()(encode=None), noise(5, 2, 3).float()
    plain = p.log_prob(z)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(p.log_prob(z), plain)


@kinds
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transforms": 0}, r"prior\.transforms must be an integer >= 1, but got 0\."),
        ({"hidden": [64, 0]}, r"prior\.hidden must be an integer >= 1, but got 0\."),
        ({"hidden": 64}, r"prior\.hidden must be a list of widths, but got 64\."),
        ({"event_shape": (2, 3)}, r"needs a latent that is a vector \(d,\), but .* \(2, 3\)"),
    ],
)
def test_options_out_of_range_are_refused_by_name(kind, options, message):
    with pytest.raises(ConfigError, match=message):
        kind(**{"event_shape": (2,), **options})


@pytest.mark.parametrize("bins", [1, None, 2.5])
def test_a_spline_of_no_two_pieces_is_refused(bins):
    with pytest.raises(ConfigError, match=r"prior\.bins must be an integer >= 2, but got"):
        SplinePrior((2,), bins=bins)
