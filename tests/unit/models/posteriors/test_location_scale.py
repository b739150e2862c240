"""Factorised posteriors that are no normals, each against scipy's law and its integrals."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf, log, sqrt

import numpy as np
import pytest
import torch
from helpers.stats import assert_mean
from scipy import integrate, stats
from torch import Tensor

from vael.errors import ConfigError
from vael.models.posteriors import FullNormal, LaplacePosterior, Posterior, StudentTPosterior
from vael.models.posteriors.normal import NormalRecord
from vael.models.priors.standard_normal import StandardNormal
from vael.models.trace import detach_record

D = 4
EXACT = {"rtol": 1e-10, "atol": 1e-12}
P_MEAN, P_LOG_SIGMA = np.random.default_rng(9).normal(size=(2, D))


@dataclass(frozen=True)
class Case:
    """A family, scipy's law of the same moments, and how exact the tails of its samples are."""

    kind: Callable[[tuple[int, ...]], Posterior]
    law: Callable[[np.ndarray, np.ndarray], stats.rv_continuous]
    rtol: float


def scaled_t(df: float) -> Callable[[np.ndarray, np.ndarray], stats.rv_continuous]:
    return lambda mean, sd: stats.t(df, mean, sd * sqrt((df - 2) / df))


CASES = {
    "student_t": Case(partial(StudentTPosterior, df=9), scaled_t(9), 1e-6),
    "heavy_student_t": Case(partial(StudentTPosterior, df=3), scaled_t(3), 1e-7),
    "laplace": Case(LaplacePosterior, lambda mean, sd: stats.laplace(mean, sd / sqrt(2)), 1e-12),
}
light = {name: case for name, case in CASES.items() if name != "heavy_student_t"}
of_finite_variance = pytest.mark.parametrize("case", light.values(), ids=light)
every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def drawn(
    case: Case, lead: tuple[int, ...] = (3,)
) -> tuple[Posterior, Tensor, stats.rv_continuous]:
    """A posterior, theta in float64, and scipy's law for it."""
    theta = 0.7 * np.random.default_rng(0).normal(size=(*lead, 2, D))
    law = case.law(theta[..., 0, :], np.exp(theta[..., 1, :]))
    return case.kind((D,)).double(), torch.from_numpy(theta), law


def p() -> NormalRecord:
    return NormalRecord(torch.from_numpy(P_MEAN), torch.from_numpy(P_LOG_SIGMA))


def noise(*shape: int) -> Tensor:
    g = torch.Generator().manual_seed(1)
    return torch.randn(*shape, dtype=torch.float64, generator=g)


@every
def test_density_and_moments_equal_scipy(case):
    family, theta, law = drawn(case)
    z, q = 3 * noise(5, 3, D), family(theta)
    np.testing.assert_allclose(q.log_prob(z), law.logpdf(z.numpy()).sum(-1), rtol=1e-10)
    np.testing.assert_allclose(q.mean, law.mean(), rtol=1e-12)
    np.testing.assert_allclose(q.sigma, law.std(), rtol=1e-12)


@every
def test_a_sample_is_the_quantile_of_its_noise_far_into_both_tails(case):
    law = case.law(0.0, 1.0)
    q = case.kind((1,)).double()(torch.zeros(1, 2, 1, dtype=torch.float64))
    up, near = np.linspace(0.01, 11, 400), np.geomspace(1e-12, 1e-5, 30)
    for sign in (1, -1):
        got = q.rsample(torch.from_numpy(sign * up)[:, None, None])[:, 0, 0].numpy()
        np.testing.assert_allclose(law.sf(sign * got), stats.norm.sf(up), rtol=case.rtol)
        got = q.rsample(torch.from_numpy(sign * near)[:, None, None])[:, 0, 0].numpy()
        slope = stats.norm.pdf(0) / law.pdf(0)  # sf has no digits of so small a step
        np.testing.assert_allclose(got, sign * slope * near, rtol=2e-5)
    assert torch.equal(q.rsample(torch.zeros(1, 1, 1))[0], q.mean)


@every
def test_float32_samples_are_those_of_float64(case):
    family, theta, _ = drawn(case)
    eps = torch.cat([noise(50, 3, D), torch.full((1, 3, D), 6.0), torch.full((1, 3, D), -6.0)])
    got = case.kind((D,))(theta.float()).rsample(eps.float())
    torch.testing.assert_close(got.double(), family(theta).rsample(eps), rtol=3e-6, atol=3e-6)


@every
def test_kl_is_the_integral_by_dimension(case):
    family, theta, _ = drawn(case, lead=(1,))
    q = family(theta)
    want = []
    for i in range(D):
        mean, sd = theta[0, 0, i].item(), theta[0, 1, i].exp().item()
        one, other = case.law(mean, sd), stats.norm(P_MEAN[i], np.exp(P_LOG_SIGMA[i]))

        def integrand(z, one=one, other=other):
            density = one.pdf(z)
            return density * (one.logpdf(z) - other.logpdf(z)) if density > 1e-300 else 0.0

        halves = [
            integrate.quad(integrand, *side, epsabs=1e-10, epsrel=1e-10, limit=500)[0]
            for side in ((-inf, mean), (mean, inf))
        ]
        want.append(sum(halves))
    np.testing.assert_allclose(q.factors(p())[0], want, rtol=1e-7)
    torch.testing.assert_close(q.kl(p()), q.factors(p()).sum(-1), **EXACT)


@of_finite_variance
def test_the_estimate_of_the_rate_is_unbiased(case):
    # log q(z) - log p(z) at its own samples averages to the integral: samples, density, KL agree
    family, theta, _ = drawn(case, lead=(2,))
    q = family(theta)
    z = q.rsample(noise(40_000, 2, D))
    assert_mean((q.log_prob(z) - p().log_prob(z)).numpy(), q.kl(p()).numpy())


@every
def test_samples_follow_the_law(case):
    family, theta, law = drawn(case, lead=(1,))
    z = family(theta).rsample(noise(20_000, 1, D)).numpy()
    u = law.cdf(z)
    for i in range(D):
        assert stats.kstest(u[:, 0, i], "uniform").pvalue > 1e-6


@every
def test_gradients_equal_finite_differences(case):
    family, theta, _ = drawn(case, lead=(2,))
    eps, z = noise(3, 2, D), 2 * noise(3, 2, D)

    def outputs(theta: Tensor) -> tuple[Tensor, ...]:
        q = family(theta)
        sample = q.rsample(eps)
        return sample, q.log_prob(z), q.log_prob(sample), q.kl(p()), q.factors(p())

    assert torch.autograd.gradcheck(outputs, theta.requires_grad_())


@of_finite_variance
def test_the_gradient_of_the_estimate_is_unbiased(case):
    # d/dtheta E[f(z)] for f(z) = sum z^2 is 2 mu and 2 sigma^2, by the samples alone
    family, theta, _ = drawn(case, lead=(1,))
    many = theta.expand(40_000, 2, D).clone().requires_grad_()
    (grad,) = torch.autograd.grad(family(many).rsample(noise(1, 40_000, D)).square().sum(), many)
    want = torch.stack([2 * theta[0, 0], 2 * (2 * theta[0, 1]).exp()])
    assert_mean(grad.numpy(), want.numpy())


@every
def test_kl_is_unknown_against_other_records(case):
    family, theta, _ = drawn(case)
    full = FullNormal((D,))
    other = full(torch.zeros(*full.theta_shape))
    assert family(theta).kl(other) is None
    assert family(theta).factors(other) is None


@every
def test_autocast_does_not_round_samples_or_densities(case):
    _, theta, _ = drawn(case)
    theta, family, eps = theta.float(), case.kind((D,)), noise(2, 3, D).float()
    prior = StandardNormal((D,))(lambda x: x)
    q = family(theta)
    plain = q.rsample(eps), q.log_prob(eps), q.kl(prior)
    with torch.autocast("cpu", torch.bfloat16):
        q = family(theta)
        cast = q.rsample(eps), q.log_prob(eps), q.kl(prior)
    for a, b in zip(plain, cast, strict=True):
        assert torch.equal(a, b)


@every
def test_over_a_map_all_dimensions_are_summed(case):
    theta, z = noise(4, 2, 2, 3, 5), noise(6, 4, 2, 3, 5)
    q, flat = case.kind((2, 3, 5))(theta), case.kind((30,))(theta.reshape(4, 2, 30))
    standard = NormalRecord(torch.zeros(2, 3, 5).double(), torch.zeros(2, 3, 5).double(), 3)
    torch.testing.assert_close(q.log_prob(z), flat.log_prob(z.reshape(6, 4, 30)), **EXACT)
    wide = NormalRecord(torch.zeros(30).double(), torch.zeros(30).double())
    torch.testing.assert_close(q.kl(standard), flat.kl(wide), **EXACT)
    assert q.factors(standard).shape == (4, 2, 3, 5)


@every
def test_detached_it_is_the_same_law_without_a_gradient(case):
    family, theta, _ = drawn(case)
    q, z = family(theta.requires_grad_()), noise(2, 3, D)
    constant = detach_record(q)
    assert not constant.log_prob(z).requires_grad
    assert torch.equal(constant.log_prob(z), q.log_prob(z))


def test_the_kl_of_the_laplace_to_the_standard_normal():
    # log(1/b) - log 2 - 1 + log(2 pi)/2 + (mu^2 + 2 b^2) / 2, here at b = 1/2 and mu = 2
    theta = torch.tensor([[[2.0], [log(0.5 * sqrt(2))]]], dtype=torch.float64)
    want = log(2) - log(2) - 1 + 0.5 * log(2 * np.pi) + 0.5 * (4 + 0.5)
    got = LaplacePosterior((1,)).double()(theta).kl(StandardNormal((1,)).double()(lambda x: x))
    assert got.item() == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("df", [2.001, 2.5, 5, 30, 1e3, 1e6])
def test_the_tails_of_student_t_hold_for_every_df(df):
    up = np.linspace(0.01, 11, 300)
    q = StudentTPosterior((1,), df).double()(torch.zeros(1, 2, 1, dtype=torch.float64))
    t = q.rsample(torch.from_numpy(up)[:, None, None])[:, 0, 0].numpy()
    law = scaled_t(df)(0.0, 1.0)
    slope = law.pdf(t) * t / law.sf(t)  # by how much an error of the quantile shows in sf
    error = (law.sf(t) / stats.norm.sf(up) - 1) / slope
    assert np.abs(error).max() < 1e-8


def test_student_t_of_many_degrees_of_freedom_is_normal():
    theta, z = noise(3, 2, D), noise(2, 3, D)
    q, normal = StudentTPosterior((D,), 1e6)(theta), NormalRecord(theta[:, 0], theta[:, 1])
    torch.testing.assert_close(q.log_prob(z), normal.log_prob(z), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(q.rsample(z), normal.rsample(z), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(q.kl(p()), normal.kl(p()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("df", [2, 1.5, -1, 0, True, "5", float("nan"), float("inf"), 2e6])
def test_degrees_of_freedom_without_a_kl_are_refused(df):
    with pytest.raises(ConfigError, match=r"posterior\.df must be a number above 2"):
        StudentTPosterior((D,), df)
