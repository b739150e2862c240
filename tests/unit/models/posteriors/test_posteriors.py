import math

import numpy as np
import pytest
import torch
from helpers.stats import assert_mean
from scipy.stats import multivariate_normal
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from vael.errors import ConfigError
from vael.models.posteriors.base import Posterior
from vael.models.posteriors.full_normal import FullNormal
from vael.models.posteriors.normal import Normal, NormalRecord
from vael.models.priors.standard_normal import StandardNormal

D = 4
EXACT = {"rtol": 1e-10, "atol": 1e-12}
both = pytest.mark.parametrize("kind", [Normal, FullNormal])


def case(kind: type[Posterior], lead: tuple[int, ...] = (3,), seed: int = 0):
    """A posterior, theta, and the mean and covariance that theta stands for, in float64."""
    rng = np.random.default_rng(seed)
    family = kind((D,)).double()
    theta = 0.7 * rng.normal(size=(*lead, *family.theta_shape))
    if kind is Normal:
        mean, cov = theta[..., 0, :], np.exp(2 * theta[..., 1, :])[..., None] * np.eye(D)
    else:
        mean, chol = theta[..., :D], np.zeros((*lead, D, D))
        chol[..., *np.tril_indices(D, -1)] = theta[..., 2 * D :] / math.sqrt(D)
        chol += np.exp(theta[..., D : 2 * D])[..., None] * np.eye(D)
        cov = chol @ chol.swapaxes(-1, -2)
    return family, torch.from_numpy(theta), mean, cov


def other() -> NormalRecord:
    """A diagonal normal that is not standard."""
    rng = np.random.default_rng(9)
    return NormalRecord(*torch.from_numpy(rng.normal(size=(2, D))))


def oracle(p: NormalRecord) -> MultivariateNormal:
    return MultivariateNormal(p.mu, scale_tril=torch.diag_embed(p.log_sigma.exp()))


@both
def test_log_prob_equals_scipy(kind):
    family, theta, mean, cov = case(kind)
    z = np.random.default_rng(1).normal(size=(5, 3, D))
    got = family(theta).log_prob(torch.from_numpy(z))
    want = [
        [multivariate_normal(mean[b], cov[b]).logpdf(z[s, b]) for b in range(3)] for s in range(5)
    ]
    np.testing.assert_allclose(got, want, rtol=1e-10)


@both
@pytest.mark.parametrize(
    "p", [StandardNormal((D,)).double()(lambda x: x), other()], ids=["standard", "diagonal"]
)
def test_kl_equals_torch_distributions(kind, p):
    family, theta, mean, cov = case(kind)
    want = kl_divergence(
        MultivariateNormal(torch.from_numpy(mean), torch.from_numpy(cov)), oracle(p)
    )
    torch.testing.assert_close(family(theta).kl(p), want, **EXACT)


@both
def test_kl_is_unknown_against_other_records(kind):
    family, theta, _, _ = case(kind)
    full, full_theta, _, _ = case(FullNormal)
    assert family(theta).kl(full(full_theta)) is None
    assert family(theta).factors(full(full_theta)) is None


@both
def test_factors_are_the_kl_of_the_marginals(kind):
    family, theta, mean, cov = case(kind)
    p = other()
    sd = torch.from_numpy(np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1)))
    want = kl_divergence(
        torch.distributions.Normal(torch.from_numpy(mean), sd),
        torch.distributions.Normal(p.mu, p.log_sigma.exp()),
    )
    torch.testing.assert_close(family(theta).factors(p), want, **EXACT)


@both
def test_kl_is_factors_plus_total_correlation(kind):
    family, theta, _, cov = case(kind)
    q, p = family(theta), other()
    _, logdet = np.linalg.slogdet(cov)
    correlation = 0.5 * (np.log(np.diagonal(cov, axis1=-2, axis2=-1)).sum(-1) - logdet)
    want = q.factors(p).sum(-1) + torch.from_numpy(correlation)
    torch.testing.assert_close(q.kl(p), want, **EXACT)


@both
def test_q_equal_to_p_has_no_rate(kind):
    family = kind((D,))
    q, p = family(torch.zeros(2, *family.theta_shape)), StandardNormal((D,))(lambda x: x)
    assert torch.equal(q.kl(p), torch.zeros(2))


@both
def test_moments_of_samples(kind):
    family, theta, mean, cov = case(kind, lead=(2,))
    eps = np.random.default_rng(3).normal(size=(40_000, 2, D))
    z = family(theta).rsample(torch.from_numpy(eps)).numpy()
    assert_mean(z, mean)
    centred = z - mean
    assert_mean(centred[..., :, None] * centred[..., None, :], cov)


@both
def test_mean_is_the_sample_without_noise(kind):
    family, theta, mean, _ = case(kind)
    q = family(theta)
    np.testing.assert_array_equal(q.mean, mean)
    torch.testing.assert_close(q.rsample(torch.zeros(2, 3, D).double()), q.mean.expand(2, 3, D))


def test_gradient_flows_through_mu_and_sigma_of_the_normal():
    family, theta, _, _ = case(Normal, lead=(1,))
    theta.requires_grad_()
    eps = torch.randn(1, 1, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (grad,) = torch.autograd.grad(family(theta).rsample(eps).sum(), theta)
    torch.testing.assert_close(grad[0, 0], torch.ones(D).double())
    torch.testing.assert_close(grad[0, 1], (theta[0, 1].exp() * eps[0, 0]).detach())


def test_gradient_of_the_full_normal_is_the_noise_below_the_diagonal():
    family, theta, _, _ = case(FullNormal, lead=(1,))
    theta.requires_grad_()
    eps = torch.randn(1, 1, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (grad,) = torch.autograd.grad(family(theta).rsample(eps).sum(), theta)
    torch.testing.assert_close(grad[0, :D], torch.ones(D).double())
    torch.testing.assert_close(
        grad[0, D : 2 * D], (theta[0, D : 2 * D].exp() * eps[0, 0]).detach()
    )
    columns = np.tril_indices(D, -1)[1]
    torch.testing.assert_close(grad[0, 2 * D :], eps[0, 0, columns] / math.sqrt(D))


@both
def test_gradcheck(kind):
    family, theta, _, _ = case(kind, lead=(2,))
    eps = torch.randn(3, 2, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    p = other()

    def outputs(theta: Tensor) -> tuple[Tensor, ...]:
        q = family(theta)
        return q.rsample(eps), q.log_prob(eps), q.kl(p), q.factors(p)

    assert torch.autograd.gradcheck(outputs, theta.requires_grad_())


@both
def test_leading_dimensions_are_those_of_theta(kind):
    family, theta, _, _ = case(kind, lead=(5, 3))
    q = family(theta)
    z = torch.randn(5, 3, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rows = [family(theta[s]) for s in range(5)]
    torch.testing.assert_close(
        q.log_prob(z), torch.stack([r.log_prob(z[s, None])[0] for s, r in enumerate(rows)])
    )
    torch.testing.assert_close(
        q.rsample(z), torch.stack([r.rsample(z[s, None])[0] for s, r in enumerate(rows)])
    )


def test_normal_over_a_map_sums_all_of_its_dimensions():
    family = Normal((2, 3, 5))
    theta = torch.randn(4, 2, 2, 3, 5, generator=torch.Generator().manual_seed(0)).double()
    z = torch.zeros(6, 4, 2, 3, 5).double()
    flat = Normal((30,))(theta.reshape(4, 2, 30))
    p, flat_p = (StandardNormal(s).double()(lambda x: x) for s in ((2, 3, 5), (30,)))
    torch.testing.assert_close(family(theta).log_prob(z), flat.log_prob(z.reshape(6, 4, 30)))
    torch.testing.assert_close(family(theta).kl(p), flat.kl(flat_p))
    assert family(theta).factors(p).shape == (4, 2, 3, 5)


def test_kl_near_zero_keeps_its_digits_in_float32():
    # 1/2 (e^2t - 1 - 2t) = t^2 + O(t^3); with exp, t = 1e-3 would already be 10 % off
    t = torch.tensor([3e-3, 1e-3, -1e-3])
    p = StandardNormal((1,))(lambda x: x)
    got = NormalRecord(torch.zeros(3, 1), t.unsqueeze(-1)).kl(p)
    want = 0.5 * (torch.expm1(2 * t.double()) - 2 * t.double())
    torch.testing.assert_close(got.double(), want, rtol=1e-4, atol=0)


@both
def test_autocast_does_not_round_samples_or_densities(kind):
    family, theta, _, _ = case(kind)
    theta, family = theta.float(), kind((D,))
    eps = torch.randn(2, 3, D, generator=torch.Generator().manual_seed(0))
    q = family(theta)
    plain = q.rsample(eps), q.log_prob(eps), q.kl(StandardNormal((D,))(lambda x: x))
    with torch.autocast("cpu", torch.bfloat16):
        q = family(theta)
        cast = q.rsample(eps), q.log_prob(eps), q.kl(StandardNormal((D,))(lambda x: x))
    for a, b in zip(plain, cast, strict=True):
        assert torch.equal(a, b)


def test_one_dimension_has_nothing_below_the_diagonal():
    family = FullNormal((1,))
    assert family.theta_shape == (2,)
    assert family(torch.zeros(3, 2)).tril.shape == (3, 1, 1)


def test_full_normal_needs_a_vector():
    with pytest.raises(ConfigError, match=r"vector \(d,\), but got one of shape \(2, 4, 4\)"):
        FullNormal((2, 4, 4))
