"""InfoVAE and WAE-MMD: the discrepancy by enumeration, closed forms and many draws."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.runs import config_of
from oracles.exact_vae import exact_vae, linear_vae, normal_theta
from oracles.linear_gaussian import LinearGaussian

from vael.errors import ConfigError
from vael.models.posteriors import Normal
from vael.objectives import Constant, Elbo, Info
from vael.objectives.mmd import estimate_mmd
from vael.randomness import Seeds
from vael.training.setup import build_objective

KERNELS = ["imq", "rbf"]
SCALES = (0.5, 2.0)
WORLD = LinearGaussian.draw(4, 2, orthogonal=True)


def tensor(values):
    return torch.as_tensor(np.asarray(values), dtype=torch.float64)


def value_of(kernel, scales, a, b):
    """k(a, b) of two points, by hand."""
    square, d = sum((u - v) ** 2 for u, v in zip(a, b, strict=True)), len(a)
    each = [
        2 * d * s / (2 * d * s + square) if kernel == "imq" else math.exp(-square / (2 * d * s))
        for s in scales
    ]
    return sum(each) / len(each)


def mmd_of(kernel, scales, p, q):
    """MMD^2 of two uniform laws on these points, by the sums over all pairs."""

    def mean(a, b):
        return np.mean([value_of(kernel, scales, u, v) for u in a for v in b])

    return mean(p, p) + mean(q, q) - 2 * mean(p, q)


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_is_the_u_statistic(kernel):
    z, y = np.random.default_rng(0).normal(size=(2, 5, 3))
    z += 0.7
    found = estimate_mmd(tensor(z), tensor(y), kernel, SCALES).item()
    pairs = list(itertools.permutations(range(5), 2))
    within = [np.mean([value_of(kernel, SCALES, t[i], t[j]) for i, j in pairs]) for t in (z, y)]
    across = np.mean([value_of(kernel, SCALES, u, v) for u in z for v in y])
    assert found == pytest.approx(sum(within) - 2 * across, rel=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_its_mean_over_all_batches_is_the_discrepancy(kernel):
    """Every batch of two draws, with replacement, from two laws on three points each."""
    p, q = np.random.default_rng(1).normal(size=(2, 3, 2))
    found = [
        estimate_mmd(tensor(p[list(i)]), tensor(q[list(j)]), kernel, SCALES).item()
        for i in itertools.product(range(3), repeat=2)
        for j in itertools.product(range(3), repeat=2)
    ]
    assert np.mean(found) == pytest.approx(mmd_of(kernel, SCALES, p, q), rel=1e-10)
    assert min(found) < 0  # it is no square


def normal_mmd(m, v, scale):
    """MMD^2 of N(m, diag v) and N(0, I) under exp(-r2 / C): products of normal integrals."""
    c = 2 * len(m) * scale

    def mean(shift, variance):
        wide = 1 + 2 * variance / c
        return np.prod(wide**-0.5 * np.exp(-(shift**2) / (c * wide)))

    return mean(0 * m, 2 * v) + mean(0 * m, 2 + 0 * v) - 2 * mean(m, 1 + v)


def test_its_mean_over_many_draws_of_two_normals_is_the_closed_form():
    generator = torch.Generator().manual_seed(0)
    m, v = np.array([0.6, -0.2]), np.array([0.5, 1.7])
    draws = torch.randn(4000, 2, 8, 2, generator=generator, dtype=torch.float64)
    z = draws[:, 0] * tensor(v).sqrt() + tensor(m)
    found = [estimate_mmd(a, b, "rbf", (1.0,)).item() for a, b in zip(z, draws[:, 1], strict=True)]
    error = np.std(found) / math.sqrt(len(found))
    wanted = normal_mmd(m, v, 1.0)
    assert abs(np.mean(found) - wanted) < 5 * error  # fails once in 10^6 seeds
    assert wanted > 8 * error


def pass_of(vae, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = tensor(WORLD.sample(count, seed=seed))
    eps, noise = torch.randn(2, 1, count, 2, generator=generator, dtype=torch.float64)
    return replace(vae(x, (eps,)), noise=(noise,))


def other_vae():
    A, cov = WORLD.posterior_map()
    return linear_vae(WORLD, Normal((2,)), 0.8 * A, np.full(2, 0.3), normal_theta(1.7 * cov))


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_is_0_in_the_mean_where_the_aggregate_posterior_is_the_prior(kernel):
    objective, vae = Info(kernel=kernel), exact_vae(WORLD, Normal)
    with torch.no_grad():
        found, biased = (
            [objective(pass_of(each, 20, n), 0, 1.0).terms["mmd"].item() for n in range(400)]
            for each in (vae, other_vae())
        )
    error = np.std(found) / math.sqrt(len(found))
    assert abs(np.mean(found)) < 5 * error  # fails once in 10^6 seeds
    assert np.mean(biased) > 5 * error


def test_each_weight_weighs_its_part():
    trace = pass_of(other_vae(), 5)
    loss = Info(alpha=0.25, lambda_mmd=40.0)(trace, 0, 1.0)
    mmd = estimate_mmd(trace.latents[0].z[0], trace.noise[0][0], "rbf", (1.0,)).item()
    wanted = -trace.log_px.mean() + 0.75 * trace.rate.mean() + 39.25 * mmd
    assert loss.value.item() == pytest.approx(wanted.item(), rel=1e-12)
    assert loss.terms["mmd"].item() == pytest.approx(mmd, rel=1e-12)
    assert not any(term.requires_grad for term in loss.terms.values())


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_without_discrepancy_it_is_the_beta_vae(beta):
    trace = pass_of(other_vae(), 5)
    loss = Info(alpha=1 - beta, lambda_mmd=beta)(trace, 0, 1.0).value.item()
    assert loss == pytest.approx(Elbo(beta, Constant())(trace, 0, beta).value.item(), rel=1e-12)


def test_wae_leaves_the_rate_out():
    objective = build_objective(config_of("data=digits", "objective=wae"), {}, Seeds.derive(0))
    trace = pass_of(other_vae(), 5)
    other = replace(trace, rate=trace.rate + 7)
    values = [objective(each, 0, 1.0).value.item() for each in (trace, other)]
    assert values[0] == values[1]
    assert objective.kernel == "imq"


def test_a_step_downhill_brings_the_draws_nearer_to_the_prior():
    z, y = tensor(np.random.default_rng(2).normal(size=(2, 20, 3)))
    z = (0.4 * z + 1).requires_grad_()
    before = estimate_mmd(z, y, "imq", SCALES)
    (gradient,) = torch.autograd.grad(before, z)
    after = z - 10 * gradient
    assert estimate_mmd(after, y, "imq", SCALES) < before
    assert after.mean(0).norm() < z.mean(0).norm()


@pytest.mark.parametrize(("options", "message"), [
    ({"alpha": 1.5}, "alpha must be a finite number <= 1, but got 1.5"),
    ({"alpha": -math.inf}, "alpha must be"),
    ({"alpha": -3.0, "lambda_mmd": 3.0}, r"lambda_mmd must be .* 1 - objective.alpha = 4, but"),
    ({"lambda_mmd": math.nan}, "lambda_mmd must be"),
    ({"alpha": 1, "lambda_mmd": -1}, "lambda_mmd must be .* = 0, but"),
    ({"kernel": "cosine"}, "kernel must be one of imq, rbf, but got 'cosine'"),
    ({"scales": []}, "scales must be"), ({"scales": [1.0, 0.0]}, "scales must be"),
    ({"scales": 1.0}, "scales must be"), ({"scales": "12"}, "scales must be"),
])  # fmt: skip
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=f"objective.{message}"):
        Info(**options)


def test_several_layers_are_refused():
    trace = pass_of(other_vae(), 5)
    with pytest.raises(ConfigError, match="one layer of latents, but got 2"):
        Info()(replace(trace, latents=trace.latents * 2), 0, 1.0)
