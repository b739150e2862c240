"""The continuous Bernoulli and its law over levels, against 40-digit arithmetic."""

from functools import cache

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import torch
from mpmath import mp, mpf
from torch import Tensor

from vael.models.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vael.models.likelihoods.numerics.truncated_exponential import (
    truncated_log_law,
    truncated_mean,
)

# The ends, the middle, and both sides of where the mean's series begins (2, 3, 17 levels, none)
LOGITS = (
    -1e3,
    -60,
    -30,
    -3,
    -1.001,
    -0.94,
    -0.51,
    -0.49,
    -1e-2,
    -1e-6,
    0.0,
    1e-8,
    1e-3,
    0.3,
    0.66,
    0.67,
    0.999,
    1.001,
    2,
    10,
    30,
    88,
    1e3,
)
LEVELS = (2, 3, 17, 256)
ULP = 2.0**-23


@cache
def truth(levels: int) -> tuple[np.ndarray, np.ndarray]:
    """log P(k) ``(logit, level)`` and E[x], by summing every term with 40 digits."""
    mp.dps = 40
    n, rows, means = levels - 1, [], []
    for logit in LOGITS:
        term = [mpf(float(np.float32(logit))) * k / n for k in range(levels)]
        log_z = mp.log(sum(mp.exp(t) for t in term))
        rows.append([float(t - log_z) for t in term])
        means.append(float(sum(mp.exp(t - log_z) * k / n for k, t in enumerate(term))))
    return np.array(rows), np.array(means)


def grid(levels: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    logit = torch.tensor(LOGITS, dtype=torch.float32).to(dtype).view(-1, 1)
    return logit, torch.arange(levels, dtype=dtype) / (levels - 1)


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize(
    ("dtype", "rtol", "atol"), [(torch.float32, 2 * ULP, 2e-5), (torch.float64, 1e-15, 1e-13)]
)
def test_log_mass_equals_40_digits(levels: int, dtype: torch.dtype, rtol: float, atol: float):
    logit, x = grid(levels, dtype)
    ours = truncated_log_law(x, logit, levels).double().numpy()
    np.testing.assert_allclose(ours, truth(levels)[0], rtol=rtol, atol=atol)


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_masses_sum_to_one(levels: int, dtype: torch.dtype, atol: float):
    logit, x = grid(levels, dtype)
    total = truncated_log_law(x, logit, levels).exp().sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_density_equals_40_digits(dtype: torch.dtype):
    mp.dps = 40
    logit, x = grid(101, dtype)
    ours = truncated_log_law(x, logit, None).double().numpy()
    for row, value in zip(ours, logit.flatten().tolist(), strict=True):
        log_z = mp.log((mp.exp(mpf(value)) - 1) / mpf(value)) if value else mpf(0)
        wanted = [float(mpf(value) * mpf(at) - log_z) for at in x.tolist()]
        slack = ULP if dtype == torch.float32 else 1e-15
        np.testing.assert_allclose(row, wanted, rtol=4 * slack, atol=abs(value) * slack + slack)


@pytest.mark.parametrize("logit", [-30.0, -0.8, 0.0, 1e-4, 0.7, 5.0, 60.0])
def test_the_density_integrates_to_one(logit: float):
    at = torch.tensor(logit, dtype=torch.float64)

    def density(x: float) -> float:
        return truncated_log_law(torch.tensor(x, dtype=torch.float64), at, None).exp().item()

    total, _ = scipy.integrate.quad(density, 0, 1, epsabs=1e-12)
    assert total == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("levels", [*LEVELS, None])
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 5e-7), (torch.float64, 1e-15)])
def test_mean(levels: int | None, dtype: torch.dtype, atol: float):
    logit = grid(2, dtype)[0].flatten()
    if levels is None:
        mp.dps = 40
        exact = [1 / (1 - mp.exp(-mpf(v))) - 1 / mpf(v) if v else 0.5 for v in logit.tolist()]
        wanted = np.array([float(m) for m in exact])
    else:
        wanted = truth(levels)[1]
    ours = truncated_mean(logit, levels).double().numpy()
    np.testing.assert_allclose(ours, wanted, rtol=0, atol=atol)


@pytest.mark.parametrize("levels", [*LEVELS, None])
def test_gradient_in_the_logit_is_x_minus_the_mean(levels: int | None):
    """The score of an exponential family, from the exact mean; in float32 too."""
    n = (levels or 17) - 1
    logit, x = grid(n + 1, torch.float32)
    leaf = logit.expand(-1, n + 1).clone().requires_grad_()
    (grad,) = torch.autograd.grad(truncated_log_law(x, leaf, levels).sum(), leaf)
    exact = truncated_mean(logit.double(), None).numpy()  # held to 40 digits above
    mean = exact if levels is None else truth(levels)[1][:, None]
    np.testing.assert_allclose(grad.double().numpy(), x.double().numpy() - mean, rtol=0, atol=5e-7)


@pytest.mark.parametrize("levels", [*LEVELS, None])
def test_gradcheck(levels: int | None):
    logit = torch.tensor([*LOGITS[2:-2], 0.0], dtype=torch.float64).view(-1, 1).requires_grad_()
    x = torch.tensor([0, 1, 0.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: truncated_log_law(x, v, levels), (logit,))
    assert torch.autograd.gradcheck(lambda v: truncated_mean(v, levels), (logit,))


@pytest.mark.parametrize("logit", [-60.0, -1.0, 0.0, 3.0, 60.0])
def test_two_levels_are_the_bernoulli_itself(logit: float):
    px = ContinuousBernoulli((1,), 2)(torch.full((1, 2, 1, 1), logit).double())
    ours = px.log_mass(torch.tensor([[0.0], [1.0]]).double())[0]
    wanted = scipy.special.log_expit([-logit, logit])
    np.testing.assert_allclose(ours, wanted, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("levels", [17, None])
def test_the_inverse_cdf_rises_with_the_noise_and_inverts(levels: int | None):
    likelihood = ContinuousBernoulli((1,), levels)
    logit = torch.tensor([-30.0, -2, 0, 1e-6, 0.5, 8]).double()
    noise = torch.linspace(0, 1 - 2**-24, 2001).double().view(-1, 1, 1).expand(-1, 6, 1)
    draws = likelihood(logit.view(1, 6, 1, 1)).sample(noise)
    assert (draws.diff(dim=0) >= 0).all()
    if levels is None:
        far = logit.abs() > 1e-3
        cdf = torch.expm1(draws[:, far, 0] * logit[far]) / torch.expm1(logit[far])
        torch.testing.assert_close(cdf, noise[:, far, 0], rtol=0, atol=1e-12)
        torch.testing.assert_close(draws[:, 2], noise[:, 2])
