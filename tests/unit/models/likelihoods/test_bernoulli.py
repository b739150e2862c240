"""The grey levels' maximum-entropy law against 40-digit arithmetic; the coin against scipy."""

from functools import cache

import numpy as np
import pytest
import scipy.special
import torch
from mpmath import mp, mpf

from vael.models.likelihoods.bernoulli import FLOATS_IN_CACHE, Bernoulli, _cross_entropy_in_four
from vael.models.likelihoods.numerics.max_entropy import max_entropy_log_mass, natural_table

LOGITS = (-60, -30, -26, -25.5, -24, -10, -3, -0.5, -1e-3, 0.0, 1e-6, 0.02, 1, 5.3, 20, 25.6, 60)
ULP = 2.0**-23


@cache
def truth(levels: int) -> np.ndarray:
    """log P(k) ``(logit, level)``: eta by bisection of E[k] = n sigmoid(l), 40 digits."""
    mp.dps = 40
    rows = []
    for logit in LOGITS:
        goal = (levels - 1) / (1 + mp.exp(-mpf(float(np.float32(logit)))))
        low, high = mpf(-81), mpf(80)  # not symmetric: the mean below is 0/0 at eta = 0
        for _ in range(130):
            eta = (low + high) / 2
            # The mean of a truncated geometric law.
            mean = levels / (1 - mp.exp(-levels * eta)) - 1 / (1 - mp.exp(-eta))
            low, high = (low, eta) if mean > goal else (eta, high)
        log_z = mp.log(sum(mp.exp(eta * j) for j in range(levels)))
        rows.append([float(eta * j - log_z) for j in range(levels)])
    return np.array(rows)


def masses(levels: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    logit = torch.tensor(LOGITS).to(dtype).view(-1, 1)
    x = torch.arange(levels, dtype=dtype) / (levels - 1)
    table = natural_table(levels - 1).to(dtype)
    return max_entropy_log_mass(x, logit, table, levels - 1), x


@pytest.mark.parametrize("levels", [3, 17, 256])
@pytest.mark.parametrize(
    ("dtype", "rtol", "atol"), [(torch.float32, 4 * ULP, 1e-4), (torch.float64, 1e-9, 1e-7)]
)
def test_log_mass_equals_40_digits(levels: int, dtype: torch.dtype, rtol: float, atol: float):
    # float64: the table's cubic is within 1e-9 of eta, which stands times k.
    ours = masses(levels, dtype)[0].double().numpy()
    np.testing.assert_allclose(ours, truth(levels), rtol=rtol, atol=atol)


@pytest.mark.parametrize("levels", [3, 17, 256])
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_masses_sum_to_one(levels: int, dtype: torch.dtype, atol: float):
    total = masses(levels, dtype)[0].exp().sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=atol)


@pytest.mark.parametrize("levels", [3, 17, 256, 65536])
def test_the_law_has_the_decoders_mean(levels: int):
    value, x = masses(levels, torch.float64)
    mean = (value.exp() * x).sum(-1)
    wanted = torch.sigmoid(torch.tensor(LOGITS).double())
    torch.testing.assert_close(mean, wanted, rtol=1e-7, atol=1e-15)


@pytest.mark.parametrize("levels", [3, 17, 256])
def test_gradient_is_that_of_the_design(levels: int):
    """(x - m) / Var[x] m (1 - m), Var of the levels by enumeration."""
    logit = torch.tensor(LOGITS, dtype=torch.float64)
    logit = logit[logit.abs() < 20].view(-1, 1).requires_grad_()
    x = torch.arange(levels, dtype=torch.float64) / (levels - 1)
    table = natural_table(levels - 1)
    for k in (0, 1, levels - 1):
        value = max_entropy_log_mass(x, logit, table, levels - 1)
        (grad,) = torch.autograd.grad(value[:, k].sum(), logit)
        m, p = torch.sigmoid(logit.detach()), value.detach().exp()
        var = (p * (x - m).square()).sum(-1, keepdim=True)
        torch.testing.assert_close(grad, (x[k] - m) / var * m * (1 - m), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("levels", [3, 17, 256])
def test_gradcheck(levels: int):
    table = natural_table(levels - 1)
    logit = (torch.tensor(LOGITS, dtype=torch.float64) + 1e-3).view(-1, 1).requires_grad_()
    x = torch.tensor([0, 1, levels // 2, levels - 1], dtype=torch.float64) / (levels - 1)
    assert torch.autograd.gradcheck(
        lambda value: max_entropy_log_mass(x, value, table, levels - 1), (logit,), rtol=1e-5
    )


@pytest.mark.parametrize("levels", [3, 17, 256])
def test_gradient_float32_equals_float64(levels: int):
    x = torch.arange(levels) / (levels - 1)
    grads = []
    for dtype in (torch.float32, torch.float64):
        logit = torch.tensor(LOGITS).to(dtype).view(-1, 1).expand(-1, levels).clone()
        logit.requires_grad_()
        table = natural_table(levels - 1).to(dtype)
        max_entropy_log_mass(x.to(dtype), logit, table, levels - 1).sum().backward()
        grads.append(logit.grad)
    assert grads[0].isfinite().all()
    # x - m cancels to 6e-8 in float32, times the slope (at most levels - 1).
    torch.testing.assert_close(grads[0].double(), grads[1], rtol=1e-5, atol=6e-8 * levels)


@pytest.mark.parametrize("logit", [-60.0, -1.0, 0.0, 3.0, 60.0])
def test_two_levels_are_the_bernoulli_itself(logit: float):
    likelihood = Bernoulli((1,), 2)
    px = likelihood(torch.full((1, 2, 1, 1), logit).double())
    ours = px.log_mass(torch.tensor([[0.0], [1.0]]).double())[0]
    wanted = scipy.special.log_expit([-logit, logit])
    np.testing.assert_allclose(ours, wanted, rtol=1e-10, atol=1e-15)  # 60 - 60


def test_the_inverse_cdf_rises_with_the_noise():
    likelihood = Bernoulli((1,), 17)
    theta = torch.linspace(-8, 8, 9).view(1, 9, 1, 1)
    noise = torch.linspace(0, 1 - 2**-24, 2001).view(-1, 1, 1).expand(-1, 9, 1)
    draws = likelihood(theta).sample(noise)
    assert (draws.diff(dim=0) >= 0).all()
    assert (draws[0] == 0).all()


@pytest.mark.parametrize("num_dims", [1, 7, 64, 784])  # products of 1, 1, 16 and 16 factors
@pytest.mark.parametrize("grey", [False, True])
def test_cross_entropy_and_its_gradients_equal_scipys(num_dims: int, grey: bool):
    generator = torch.Generator().manual_seed(num_dims)
    logits = 4 * torch.randn(3, 5, 1, num_dims, generator=generator)
    logits[0, 0], logits[0, 1], logits[0, 2] = 0.0, 110.0, -110.0  # e^-110 is no float32
    x = torch.rand(5, num_dims, generator=generator)
    x = x if grey else x.round()
    likelihood = Bernoulli((num_dims,), None)
    leaf, seen_leaf = logits.clone().requires_grad_(), x.clone().requires_grad_()
    found = likelihood(leaf).log_prob(seen_leaf)
    weight = torch.randn(found.shape, generator=generator)
    (found * weight).sum().backward()
    wide, seen = logits.double().squeeze(2).numpy(), x.double().numpy()
    cells = seen * scipy.special.log_expit(wide) + (1 - seen) * scipy.special.log_expit(-wide)
    # One rounding of the sum of up to 784 numbers, most of them far below the sum.
    np.testing.assert_allclose(found.detach(), cells.sum(-1), rtol=1e-6, atol=1e-5)
    slope = weight.unsqueeze(-1).numpy() * (seen - scipy.special.expit(wide))
    np.testing.assert_allclose(leaf.grad.squeeze(2), slope, rtol=1e-6, atol=5e-7)
    by_x = (weight.unsqueeze(-1).numpy() * wide).sum(0)
    np.testing.assert_allclose(seen_leaf.grad, by_x, rtol=1e-6, atol=1e-4)
    exact = likelihood(logits.double()).log_prob(x.double())
    np.testing.assert_allclose(exact, cells.sum(-1), rtol=1e-12, atol=1e-12)


def test_cross_entropy_of_many_samples_equals_scipys():
    logits = 4 * torch.randn(5, 70, 1, 784, generator=torch.Generator().manual_seed(0))
    x = torch.rand(70, 784).round()
    assert 2 * x.numel() < FLOATS_IN_CACHE < 3 * x.numel()  # pieces of 2, 2 and 1 samples
    found = Bernoulli((784,), 2)(logits).log_prob(x)
    wide, seen = logits.double().squeeze(2).numpy(), x.double().numpy()
    cells = scipy.special.log_expit((2 * seen - 1) * wide)
    np.testing.assert_allclose(found, cells.sum(-1), rtol=1e-6)


@pytest.mark.parametrize("x", [0.0, 0.3, 1.0])
def test_the_cross_entropy_of_a_gpu_equals_scipys_to_the_last_bit_of_the_logit(x: float):
    logits = torch.linspace(-90, 90, 4001).view(1, -1, 1)
    found = _cross_entropy_in_four(logits, torch.full((4001, 1), x), 1)[0].double()
    exact = logits.flatten().double().numpy()
    wanted = x * scipy.special.log_expit(exact) + (1 - x) * scipy.special.log_expit(-exact)
    assert (np.abs(found.numpy() - wanted) <= 3 * ULP * (1 + np.abs(exact))).all()


def test_cross_entropy_is_differentiable_twice():
    logits = torch.tensor([[[-3.0, 0.0, 2.0]], [[0.5, -0.1, 9.0]]]).double().requires_grad_()
    x = torch.tensor([[0.0, 1.0, 0.3]]).double()
    likelihood = Bernoulli((3,), None)

    def log_prob(logits: torch.Tensor) -> torch.Tensor:
        return likelihood(logits.unsqueeze(2)).log_prob(x)

    assert torch.autograd.gradcheck(log_prob, (logits,))
    assert torch.autograd.gradgradcheck(log_prob, (logits,))


def test_gradients_of_each_example_by_torch_func():
    """``x - sigmoid(l)``, by vmap over examples and over the rows of a Jacobian."""
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(5, 7, generator=draw).round().double()
    logits = torch.randn(5, 7, generator=draw, dtype=torch.float64)
    family = Bernoulli((7,), 2)

    def log_p(one, of):
        return family.log_likelihood(family.link(one[None, None]), of[None])[0]

    want = x - torch.sigmoid(logits)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(log_p))(logits, x), want)

    def log_ps(every):
        return family.log_likelihood(family.link(every[:, None]), x)

    rows = torch.autograd.functional.jacobian(log_ps, logits, vectorize=True)
    torch.testing.assert_close(rows[range(5), range(5)], want)
