"""The beta-binomial against 60-digit arithmetic, from the two ends to the binomial; its limits."""

from functools import cache

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from mpmath import mp, mpf
from torch import Tensor

from vael.errors import ConfigError
from vael.models.likelihoods.beta_binomial import BetaBinomial
from vael.models.likelihoods.numerics.beta_binomial import (
    beta_binomial_log_mass,
    sample_beta_binomial,
)

LOGITS = (-60, -30, -10, -3, -0.3, -1e-4, 0, 0.7, 5, 12, 30, 60)
CONCENTRATIONS = (1e-20, 1e-4, 1e-2, 0.5, 1, 2, 7, 40, 300, 1e4, 1e6, 1e20)
LEVELS = {2: (0, 1), 17: (0, 1, 2, 8, 15, 16), 256: (0, 1, 28, 127, 200, 254, 255)}
POINTS = LEVELS | {65536: (0, 1, 7_000, 32_767, 65_534, 65_535)}
ULP = 2.0**-23


def grid(levels: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """x ``(N,)``, logit and log s ``(L, C, N)``: float32, so exact in float64 too."""
    k = torch.tensor(POINTS[levels])
    shape = (len(LOGITS), len(CONCENTRATIONS), len(k))
    logit = torch.tensor(LOGITS, dtype=torch.float32).view(-1, 1, 1).expand(shape)
    log_s = torch.tensor(np.log(CONCENTRATIONS), dtype=torch.float32).view(1, -1, 1).expand(shape)
    return k.to(dtype) / (levels - 1), logit.to(dtype).clone(), log_s.to(dtype).clone()


@cache
def truth(levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log P(k) and its derivatives in logit and log s, from the textbook's lgammas."""
    mp.dps = 60
    n = levels - 1
    _, logit, log_s = grid(levels, torch.float32)
    value, by_logit, by_log_s = (np.empty(logit.shape) for _ in range(3))
    for i, c, position in np.ndindex(value.shape):
        k = POINTS[levels][position]
        at, s = mpf(logit[i, c, position].item()), mp.exp(mpf(log_s[i, c, position].item()))
        m, rest = 1 / (1 + mp.exp(-at)), 1 / (1 + mp.exp(at))
        log_p = mp.log(mp.binomial(n, k)) - _rise(s, n) + _rise(s * m, k) + _rise(s * rest, n - k)
        value[i, c, position] = float(log_p)
        by_a, by_b = _rise_slope(s * m, k), _rise_slope(s * rest, n - k)
        by_logit[i, c, position] = float(rest * by_a - m * by_b)
        by_log_s[i, c, position] = float(by_a + by_b - _rise_slope(s, n))
    return value, by_logit, by_log_s


def _rise(a: mpf, k: int) -> mpf:
    """log Gamma(a + k) - log Gamma(a)."""
    return mp.loggamma(a + k) - mp.loggamma(a)


def _rise_slope(a: mpf, k: int) -> mpf:
    return a * (mp.digamma(a + k) - mp.digamma(a))


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize(
    ("dtype", "rtol", "atol"), [(torch.float32, 4 * ULP, 5e-5), (torch.float64, 2e-15, 2e-13)]
)
def test_log_mass_equals_60_digits(levels: int, dtype: torch.dtype, rtol: float, atol: float):
    ours = beta_binomial_log_mass(*grid(levels, dtype), levels - 1).double().numpy()
    np.testing.assert_allclose(ours, truth(levels)[0], rtol=rtol, atol=atol)


def test_log_mass_on_65536_levels():
    ours = beta_binomial_log_mass(*grid(65536, torch.float32), 65535).double().numpy()
    np.testing.assert_allclose(ours, truth(65536)[0], rtol=8 * ULP, atol=1e-4)


@pytest.mark.parametrize("levels", LEVELS)
def test_every_level_in_float32_equals_scipy(levels: int):
    """scipy's own gammaln cancels too, but in float64: to 1e-8 at these concentrations."""
    n, k = levels - 1, np.arange(levels)
    logit = torch.linspace(-30, 30, 41).view(-1, 1, 1)
    log_s = torch.tensor(np.log(np.logspace(-4, 6, 41)), dtype=torch.float32).view(1, -1, 1)
    logit, log_s = (t.expand(41, 41, levels) for t in (logit, log_s))
    ours = beta_binomial_log_mass(torch.arange(levels) / n, logit, log_s, n).double().numpy()
    s = np.exp(log_s.double().numpy())
    a, b = (s * scipy.special.expit(sign * logit.double().numpy()) for sign in (1, -1))
    g = scipy.special.gammaln
    wanted = g(levels) - g(k + 1) - g(levels - k) + g(a + k) - g(a) + g(b + (n - k)) - g(b)
    wanted += g(s) - g(s + n)
    np.testing.assert_allclose(ours, wanted, rtol=4 * ULP, atol=5e-5)


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
def test_gradients_equal_60_digits(levels: int, dtype: torch.dtype, rtol: float):
    x, logit, log_s = grid(levels, dtype)
    logit.requires_grad_()
    log_s.requires_grad_()
    beta_binomial_log_mass(x, logit, log_s, levels - 1).sum().backward()
    # Each is a sum of terms of size up to n, which cancel in the binomial limit.
    atol = rtol * (levels - 1)
    for ours, wanted in zip((logit.grad, log_s.grad), truth(levels)[1:], strict=True):
        np.testing.assert_allclose(ours.double().numpy(), wanted, rtol=rtol, atol=atol)


@pytest.mark.parametrize("levels", [2, 17, 50, 256])
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_masses_sum_to_one_and_have_the_mean(levels: int, dtype: torch.dtype, atol: float):
    _, logit, log_s = grid(2, dtype)
    x = torch.arange(levels, dtype=dtype) / (levels - 1)
    p = beta_binomial_log_mass(x, logit[..., :1], log_s[..., :1], levels - 1).exp()
    torch.testing.assert_close(p.sum(-1), torch.ones_like(p[..., 0]), rtol=0, atol=atol)
    torch.testing.assert_close((p * x).sum(-1), torch.sigmoid(logit[..., 0]), rtol=0, atol=atol)


def test_gradcheck_with_broadcasting():
    logit = torch.tensor([-3.0, -0.1, 0.0, 2.0, 8.0], dtype=torch.float64).view(-1, 1)
    log_s = torch.tensor([-5.0, 0.1, 0.7, 4.0, 11.0], dtype=torch.float64).view(-1, 1)
    x = torch.tensor([0, 3, 8, 15, 16], dtype=torch.float64) / 16
    assert torch.autograd.gradcheck(
        lambda at, s: beta_binomial_log_mass(x, at, s, 16),
        (logit.requires_grad_(), log_s.requires_grad_()),
    )


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_a_large_concentration_is_the_binomial(levels: int):
    x = torch.arange(levels, dtype=torch.float64) / (levels - 1)
    logit = torch.tensor(-0.4, dtype=torch.float64)
    ours = beta_binomial_log_mass(x, logit, torch.tensor(60.0).double(), levels - 1)
    wanted = scipy.stats.binom.logpmf(np.arange(levels), levels - 1, torch.sigmoid(logit).item())
    np.testing.assert_allclose(ours, wanted, rtol=1e-10)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_a_decoders_zero_is_the_uniform_law(levels: int):
    px = BetaBinomial((levels,), levels)(torch.zeros(1, 1, 2, levels))
    x = (torch.arange(levels) / (levels - 1)).view(1, levels)
    np.testing.assert_allclose(px.log_mass(x).item(), -levels * np.log(levels), rtol=1e-6)


def test_parameters_beyond_every_bound_stay_finite():
    logit = torch.tensor([-1e4, -100, 0, 100, 1e4]).view(-1, 1, 1)
    log_s = torch.tensor([-1e4, -100, 100, 1e4]).view(1, -1, 1)
    logit, log_s = (t.expand(5, 4, 3).clone().requires_grad_() for t in (logit, log_s))
    x = torch.tensor([0, 100 / 255, 1])
    value = beta_binomial_log_mass(x, logit, log_s, 255)
    value.sum().backward()
    assert value.isfinite().all()
    assert logit.grad.isfinite().all()
    assert log_s.grad.isfinite().all()


@pytest.mark.parametrize("levels", [17, 256])
@pytest.mark.parametrize("concentration", [1e-3, 2.0, 1e6])
def test_draws_invert_scipys_cdf(levels: int, concentration: float):
    n = levels - 1
    logit = torch.tensor([-4.0, -0.3, 0.0, 2.0], dtype=torch.float64)
    noise = torch.linspace(0.001, 0.999, 201, dtype=torch.float64).view(-1, 1).expand(-1, 4)
    log_s = torch.full_like(logit, np.log(concentration))
    drawn = sample_beta_binomial(noise, logit, log_s, n).mul(n).round().numpy()
    m = torch.sigmoid(logit).numpy()
    law = scipy.stats.betabinom(n, concentration * m, concentration * (1 - m))
    u = noise.numpy()
    assert (law.cdf(drawn) >= u - 1e-6).all()
    assert (law.cdf(drawn - 1) <= u + 1e-6).all()


@pytest.mark.parametrize("logit", [-0.3, 0.0, 3.0])
def test_the_last_noise_draws_no_impossible_level(logit: float):
    """At 2^-24 from its ends, a binomial of 255 is within 6 standard deviations."""
    at, log_s = torch.tensor([logit]), torch.tensor([14.0])
    m = torch.sigmoid(at).item()
    for noise in (0.0, 1 - 2.0**-24):
        k = 255 * sample_beta_binomial(torch.tensor([noise]), at, log_s, 255).item()
        assert abs(k - 255 * m) < 7 * np.sqrt(255 * m * (1 - m))


@pytest.mark.parametrize(
    ("levels", "fit", "says"),
    [
        (None, "auto", "likelihood=beta_binomial needs data with levels"),
        (17, "density", "has no density, but got likelihood.fit=density"),
    ],
)
def test_what_it_cannot_be_is_refused(levels: int | None, fit: str, says: str):
    with pytest.raises(ConfigError, match=says):
        BetaBinomial((1,), levels, fit=fit)
