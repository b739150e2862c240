"""Every level's probability against 60-digit arithmetic, row by row of masses.py."""

from functools import cache

import numpy as np
import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor
from unit.models.likelihoods.masses import LEVELS, MASSES, Mass

ULP = 2.0**-23
every_mass = pytest.mark.parametrize("mass", MASSES, ids=str)
every_number_of_levels = pytest.mark.parametrize("levels", LEVELS)


def some(levels: int) -> list[int]:
    """The levels that are compared with the truth: all, or the ends and some between."""
    few = [0, 1, 2, 28, 100, 127, 128, 172, 253, 254, 255]
    if levels == 65536:
        return [0, 1, 7_000, 7_209, 20_316, 32_355, 32_767, 32_768, 50_462, 65_534, 65_535]
    return few if levels == 256 else list(range(levels))


def parameters(mass: Mass, levels: int, dtype: torch.dtype) -> Tensor:
    """``(n, P, 1)``: float32 numbers, which are exact in float64 too."""
    return torch.tensor(mass.points(levels)).T.unsqueeze(-1).to(dtype)


def log_masses(mass: Mass, theta: Tensor, levels: int, ks: list[int]) -> Tensor:
    """log P(k) ``(P, N)`` of all points at these levels."""
    x = (torch.tensor(ks, dtype=torch.float64) / (levels - 1)).to(theta.dtype)
    theta = theta.expand(-1, -1, len(ks))
    return mass.log_mass(theta, x.expand(theta.shape[1:]), levels)


@cache
def truth(name: str, levels: int) -> np.ndarray:
    mp.dps = 60
    (mass,) = (m for m in MASSES if m.name == name)
    points = parameters(mass, levels, torch.float64).squeeze(-1).T.tolist()
    rows = [
        [float(mass.truth([mpf(v) for v in point], k, levels)) for k in some(levels)]
        for point in points
    ]
    return np.array(rows)


@every_number_of_levels
@every_mass
def test_float32_is_within_1e_4_nats(mass: Mass, levels: int):
    ours = log_masses(mass, parameters(mass, levels, torch.float32), levels, some(levels))
    # Far out |log_mass| reaches 1e6 nats, where float32 itself resolves 0.1: 4 ulp there. On
    # 65,536 levels x itself is off by 2^-25, a 250th of the narrowest scale.
    rtol, atol = (5e-5, 1e-3) if levels == 65536 else (4 * ULP, 1e-4)
    np.testing.assert_allclose(ours.double(), truth(mass.name, levels), rtol=rtol, atol=atol)


@every_number_of_levels
@every_mass
def test_float64_equals_60_digits(mass: Mass, levels: int):
    ours = log_masses(mass, parameters(mass, levels, torch.float64), levels, some(levels))
    wanted = truth(mass.name, levels)
    np.testing.assert_allclose(ours, wanted, rtol=mass.rtol64, atol=mass.rtol64)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@every_number_of_levels
@every_mass
def test_masses_sum_to_one(mass: Mass, levels: int, dtype: torch.dtype, atol: float):
    ours = log_masses(mass, parameters(mass, levels, dtype), levels, list(range(levels)))
    total = ours.double().exp().sum(-1)
    if levels == 65536 and dtype == torch.float32:
        atol *= 3
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=atol)


def gradients(mass: Mass, levels: int, dtype: torch.dtype) -> Tensor:
    theta = parameters(mass, levels, dtype).expand(-1, -1, len(some(levels))).clone()
    theta.requires_grad_()
    log_masses(mass, theta, levels, some(levels)).sum().backward()
    assert theta.grad is not None
    return theta.grad


@every_number_of_levels
@every_mass
def test_gradients_are_finite_and_float32_equals_float64(mass: Mass, levels: int):
    ours, wanted = (gradients(mass, levels, t) for t in (torch.float32, torch.float64))
    assert ours.isfinite().all()
    assert wanted.isfinite().all()
    size = mass.gradient_size(parameters(mass, levels, torch.float64))
    atol = 2e-3 if levels == 65536 else 1e-4
    torch.testing.assert_close(ours.double() / size, wanted / size, rtol=1e-4, atol=atol)


@every_number_of_levels
@every_mass
def test_gradients_are_those_of_the_exact_law(mass: Mass, levels: int):
    """Central differences of the 60-digit law, whose own error is 1e-40."""
    mp.dps = 60
    ours = gradients(mass, levels, torch.float64)
    points = parameters(mass, levels, torch.float64).squeeze(-1).T.tolist()
    ks = some(levels)
    for p in range(0, len(points), 5):
        column = (p // 5) % len(ks)
        for i in range(len(points[p])):
            sides = []
            for sign in (-1, 1):
                at = [mpf(v) for v in points[p]]
                at[i] += sign * mpf(10) ** -20
                sides.append(mass.truth(at, ks[column], levels))
            slope = float((sides[1] - sides[0]) / (2 * mpf(10) ** -20))
            assert ours[i, p, column].item() == pytest.approx(slope, rel=1e-6, abs=1e-6)
