"""The normal cell in every regime, against 60-digit arithmetic; its mean, scales and options."""

from functools import cache

import numpy as np
import pytest
import scipy.stats
import torch
from mpmath import mp, mpf
from torch import Tensor

from vael.errors import ConfigError
from vael.models.likelihoods.gaussian import Gaussian
from vael.models.likelihoods.numerics.normal_cell import normal_log_cell
from vael.models.likelihoods.numerics.rounded_mean import NORMAL, rounded_mean

SIGMAS = np.logspace(-3, 4, 15)
MUS = (-3.0, -0.7, -0.02, 0.0, 0.11, 0.31, 0.4937, 0.5, 0.77, 0.999, 1.3, 4.0)
LEVELS = {2: range(2), 17: range(17), 256: (0, 1, 2, 28, 64, 100, 127, 128, 172, 253, 254, 255)}
ULP = 2.0**-23


def grid(levels: int) -> tuple[Tensor, Tensor, Tensor]:
    """log_sigma ``(K, 1, 1)``, mu ``(M, 1)`` and x ``(N,)``: float32, so exact in float64 too."""
    log_sigma = torch.tensor(np.log(SIGMAS), dtype=torch.float32).view(-1, 1, 1)
    mu = torch.tensor(MUS).view(-1, 1)
    return log_sigma, mu, torch.tensor([k / (levels - 1) for k in LEVELS[levels]])


@cache
def truth(levels: int) -> np.ndarray:
    """log_mass on the grid with 60 digits; the masses of both tails from their small side."""
    mp.dps = 60
    half = mpf(1) / (2 * (levels - 1))
    log_sigma, mu, x = grid(levels)
    out = np.empty((len(SIGMAS), len(MUS), len(x)))
    for i, j, k in np.ndindex(out.shape):
        sigma = mp.exp(mpf(log_sigma[i].item()))
        at, centre = mpf(x[k].item()), mpf(mu[j].item())
        lo = mpf("-inf") if at < half else (at - half - centre) / sigma
        hi = mpf("inf") if at > 1 - half else (at + half - centre) / sigma
        if lo > 0 or hi == mpf("inf"):
            lo, hi = -hi, -lo
        out[i, j, k] = mp.log(mp.ncdf(hi) - mp.ncdf(lo))
    return out


@pytest.mark.parametrize("levels", LEVELS)
def test_log_mass_float64_equals_60_digits(levels: int):
    log_sigma, mu, x = (t.double() for t in grid(levels))
    ours = normal_log_cell(x, mu, log_sigma, 0.5 / (levels - 1)).numpy()
    # The tail's series ends at 105 / 30^8 = 2e-10; x - mu is rounded, then divided by 1e-3.
    np.testing.assert_allclose(ours, truth(levels), rtol=2e-12, atol=1e-10)


@pytest.mark.parametrize("levels", LEVELS)
def test_log_mass_float32_is_within_1e_4_nats(levels: int):
    log_sigma, mu, x = grid(levels)
    ours = normal_log_cell(x, mu, log_sigma, 0.5 / (levels - 1)).double().numpy()
    # Far out |log_mass| reaches 1e7 nats, where float32 itself resolves 1: 4 ulp there.
    np.testing.assert_allclose(ours, truth(levels), rtol=4 * ULP, atol=1e-4)


@pytest.mark.parametrize("levels", LEVELS)
def test_gradients_float32_equal_float64(levels: int):
    by_dtype = []
    for dtype in (torch.float32, torch.float64):
        log_sigma, mu, x = (t.to(dtype) for t in grid(levels))
        shape = torch.broadcast_shapes(log_sigma.shape, mu.shape, x.shape)
        mu = mu.expand(shape).clone().requires_grad_()
        log_sigma = log_sigma.expand(shape).clone().requires_grad_()
        normal_log_cell(x, mu, log_sigma, 0.5 / (levels - 1)).sum().backward()
        # By mu in units of 1 / sigma, as z: both gradients are then of the size of z, z^2.
        by_dtype.append((mu.grad * log_sigma.exp(), log_sigma.grad))
    for ours, wanted in zip(*by_dtype, strict=True):
        assert ours.isfinite().all()
        # 5e-5: x - mu and 1 / sigma are rounded (1e-7), then stand in an exponent (z ~ 12).
        torch.testing.assert_close(ours.double(), wanted.detach(), rtol=5e-5, atol=1e-4)


# sigma in units of the step, and where mu lies beside x, in sigmas: a point in each regime.
@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("steps", [0.02, 0.5, 3.0, 100.0, 1e4])
@pytest.mark.parametrize("away", [0.0, 0.7, -4.0, 11.0, 25.0, -40.0])
def test_gradcheck(levels: int, steps: float, away: float):
    sigma = steps / (levels - 1)
    x = torch.tensor([0.0, (levels // 2) / (levels - 1), 1.0], dtype=torch.float64)
    log_sigma = torch.tensor(sigma, dtype=torch.float64).log().requires_grad_()
    z = (x / sigma + away).detach().requires_grad_()  # of order 1 to differentiate in

    def by_z(z: Tensor, log_sigma: Tensor) -> Tensor:
        return normal_log_cell(x, z * sigma, log_sigma, 0.5 / (levels - 1))

    assert torch.autograd.gradcheck(by_z, (z, log_sigma), rtol=1e-5, atol=1e-5)


def test_the_gradient_is_summed_over_broadcast_dimensions():
    x = torch.rand(4, 6, dtype=torch.float64).mul(16).round() / 16
    mu = torch.rand(3, 4, 6, dtype=torch.float64, requires_grad=True)
    for shape in ((), (6,), (3, 4, 6)):
        log_sigma = torch.full(shape, -1.0, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(
            lambda m, s: normal_log_cell(x, m, s, 1 / 32), (mu, log_sigma)
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("levels", LEVELS)
def test_masses_sum_to_one(levels: int, dtype: torch.dtype):
    log_sigma, mu, _ = (t.to(dtype) for t in grid(levels))
    x = torch.arange(levels, dtype=dtype) / (levels - 1)
    total = normal_log_cell(x, mu, log_sigma, 0.5 / (levels - 1)).exp().sum(-1)
    # float32: x = k / 255 is itself rounded (3e-8), which moves the edges by that over sigma.
    slack = 3e-8 * 0.4 / log_sigma.exp().squeeze(-1) if dtype == torch.float32 else 0
    assert ((total - 1).abs() <= (1e-5 if dtype == torch.float32 else 1e-12) + slack).all()


def test_log_mass_becomes_log_density_plus_log_step_where_the_step_is_small():
    levels, sigma = 256, 50.0
    x = torch.arange(1, levels - 1, dtype=torch.float64) / (levels - 1)
    mu = torch.tensor(0.3, dtype=torch.float64)
    ours = normal_log_cell(x, mu, torch.tensor(sigma).double().log(), 0.5 / (levels - 1))
    density = scipy.stats.norm.logpdf(x, 0.3, sigma) - np.log(levels - 1)
    # (step / sigma)^2 / 24 = 3e-10 is what the density leaves out.
    np.testing.assert_allclose(ours, density, rtol=0, atol=1e-9)


def test_nan_in_the_location_stays_nan():
    mu = torch.tensor([0.2, float("nan")])
    value = normal_log_cell(torch.zeros(2), mu, torch.tensor(-1.0), 1 / 32)
    assert value.isnan().tolist() == [False, True]


@pytest.mark.parametrize("levels", [2, 3, 17, 18, 256])
def test_mean_equals_enumeration(levels: int):
    mu = torch.cat([torch.linspace(-3, 4, 57), torch.linspace(-0.01, 0.03, 41)]).view(-1, 1)
    around_a_step = np.array([0.5, 0.99, 1.01, 1.5]) / (levels - 1)  # where the method changes
    sigma = np.concatenate([np.logspace(-3, 4, 43), around_a_step])
    log_sigma = torch.tensor(sigma, dtype=torch.float32).log()
    edges = (np.arange(1, levels) - 0.5) / (levels - 1)
    z = (edges[:, None, None] - mu.double().numpy()) / log_sigma.double().exp().numpy()
    wanted = scipy.stats.norm.sf(z).mean(0)
    ours = rounded_mean(NORMAL, mu, log_sigma, levels).double().numpy()
    np.testing.assert_allclose(ours, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", ["fixed", "shared", "per_dim", "predicted"])
@pytest.mark.parametrize("sigma", [0.004, 0.3, 20.0])
def test_every_scale_starts_at_sigma(scale: str, sigma: float):
    likelihood = Gaussian((2, 3), 256, scale=scale, sigma=sigma)
    log_sigma = likelihood(torch.zeros(1, 5, *likelihood.theta_shape)).log_sigma
    torch.testing.assert_close(
        log_sigma.exp(), torch.full_like(log_sigma, sigma), rtol=2e-6, atol=0
    )


def test_scales_have_as_many_parameters_as_they_say():
    def learned(scale: str) -> int:
        return sum(p.numel() for p in Gaussian((2, 3), 256, scale=scale).parameters())

    assert [learned(s) for s in ("fixed", "shared", "per_dim", "predicted")] == [0, 1, 6, 0]


@pytest.mark.parametrize(
    ("levels", "bound"),
    [(256, 0.5 / 255), (17, 1 / 32), (16, 1 / 510), (2, 1 / 510), (None, 1e-3)],
)
@pytest.mark.parametrize("scale", ["shared", "predicted"])
def test_a_learned_scale_is_bounded_and_says_so(levels: int | None, bound: float, scale: str):
    likelihood = Gaussian((2, 3), levels, scale=scale)
    theta = torch.zeros(1, 5, *likelihood.theta_shape)
    assert likelihood.at_bound(likelihood(theta)) == 0
    with torch.no_grad():
        for parameter in likelihood.parameters():
            parameter.fill_(-1e3)
        theta[:, :, 1:] = -1e3
    px = likelihood(theta)
    torch.testing.assert_close(px.log_sigma.exp().amin(), torch.tensor(bound), rtol=1e-5, atol=0)
    assert likelihood.at_bound(px) == 1
    if scale == "predicted":
        theta[:, :, 1:, 0] = 0
        assert likelihood.at_bound(likelihood(theta)) == 0.5


def test_a_fixed_scale_is_never_at_its_bound():
    likelihood = Gaussian((2,), 256, scale="fixed", sigma=1e-6)
    assert likelihood.at_bound(likelihood(torch.zeros(1, 1, 2))) == 0


@pytest.mark.parametrize("sigma", [0, -1.0, float("nan"), float("inf"), "wide", True, None])
def test_a_bad_sigma_is_refused(sigma: object):
    with pytest.raises(ConfigError, match=r"likelihood\.sigma must be a .*but got"):
        Gaussian((2,), 256, sigma=sigma)


def test_a_learned_scale_that_cannot_reach_its_start_is_refused():
    with pytest.raises(ConfigError, match=r"likelihood\.sigma.*lower bound 0\.03125.*got 0\.01"):
        Gaussian((2,), 17, scale="shared", sigma=0.01)
    assert Gaussian((2,), 17, scale="fixed", sigma=0.01).theta_shape == (1, 2)


def test_an_unknown_scale_is_refused():
    with pytest.raises(ConfigError, match=r"likelihood\.scale must be one of fixed, .*'global'"):
        Gaussian((2,), 17, scale="global")


def test_textbook_is_half_the_squared_error_plus_a_constant():
    likelihood = Gaussian((3,), 17, scale="fixed", sigma=1.0, fit="density")
    theta, x = torch.randn(1, 4, 1, 3), torch.rand(4, 3)
    wanted = -0.5 * (x - theta[0, :, 0]).square().sum(-1) - 1.5 * np.log(2 * np.pi)
    value = likelihood.log_likelihood(likelihood(theta), x)
    torch.testing.assert_close(value[0], wanted)
