"""DIP-VAE: its covariances against numpy, enumeration and the linear-Gaussian world."""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from oracles.exact_vae import exact_vae
from oracles.linear_gaussian import LinearGaussian

from vael.errors import ConfigError
from vael.models.posteriors import FullNormal, LaplacePosterior, Normal, StudentTPosterior
from vael.objectives import Constant, Dip, Elbo

GENERATOR = np.random.default_rng(0)
WORLD = LinearGaussian.draw(4, 2, orthogonal=True)


def tensor(values):
    return torch.as_tensor(np.asarray(values), dtype=torch.float64)


def examples(count):
    """Whose mean and covariance (by 1 / (count - 1)) are exactly the world's."""
    white = GENERATOR.normal(size=(count, 4))
    white -= white.mean(0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white.T))).T
    cov = WORLD.W @ WORLD.W.T + WORLD.sigma**2 * np.eye(4)
    return tensor(white @ np.linalg.cholesky(cov).T + WORLD.b)


def pass_of(kind=Normal, count=9):
    eps = torch.randn(1, count, 2, generator=torch.Generator().manual_seed(1)).double()
    return exact_vae(WORLD, kind)(examples(count), (eps,))


@pytest.mark.parametrize("kind", [Normal, LaplacePosterior, StudentTPosterior])
def test_the_covariance_of_a_factorised_posterior_is_that_of_numpy(kind):
    theta = GENERATOR.normal(size=(6, 2, 3))
    q = kind((3,))(tensor(theta))
    means = np.cov(theta[:, 0].T)
    spread = np.diag(np.exp(2 * theta[:, 1]).mean(0))
    assert Dip(variant=1).covariance(q).numpy() == pytest.approx(means, rel=1e-10)
    assert Dip(variant=2).covariance(q).numpy() == pytest.approx(means + spread, rel=1e-10)


def test_the_covariance_of_a_full_normal_has_that_of_each_example():
    q = FullNormal((3,))(tensor(GENERATOR.normal(size=(6, 9))))
    factors = q.lower.numpy() + np.array([np.diag(np.exp(row)) for row in q.log_diag.numpy()])
    wanted = np.cov(q.mu.numpy().T) + np.mean([L @ L.T for L in factors], 0)
    assert Dip(variant=2).covariance(q).numpy() == pytest.approx(wanted, rel=1e-10)


def test_the_mean_over_all_batches_is_the_covariance_of_the_data_set():
    theta = GENERATOR.normal(size=(6, 2, 2))
    found = [
        Dip(variant=1).covariance(Normal((2,))(tensor(theta[list(batch)]))).numpy()
        for batch in itertools.combinations(range(6), 3)
    ]
    assert np.mean(found, 0) == pytest.approx(np.cov(theta[:, 0].T), rel=1e-10)


@pytest.mark.parametrize("kind", [Normal, FullNormal])
def test_exact_posteriors_add_up_to_the_prior_and_cost_nothing(kind):
    """Cov[E[z|x]] + Cov[z|x] = I, since q(z|x) = p(z|x)."""
    trace = pass_of(kind)
    loss = Dip(variant=2, lambda_od=50.0, lambda_d=50.0)(trace, 0, 1.0)
    assert [loss.terms[n].item() for n in ("off_diagonal", "diagonal")] == pytest.approx([0, 0])
    elbo = Elbo(1.0, Constant())(trace, 0, 1.0).value.item()
    assert loss.value.item() == pytest.approx(elbo, rel=1e-10)


def test_the_first_variant_has_the_means_alone():
    """Their covariance is I - C, C that of the exact posterior."""
    loss = Dip(variant=1, lambda_od=2.0, lambda_d=3.0)(pass_of(), 0, 1.0)
    _, cov = WORLD.posterior_map()
    wanted = np.square(np.diag(cov)).sum()
    assert loss.terms["diagonal"].item() == pytest.approx(wanted, rel=1e-8)
    assert wanted > 0.01


@pytest.mark.parametrize("variant", [1, 2])
def test_each_weight_weighs_its_sum(variant):
    trace = pass_of(count=5)
    trace = replace(trace, latents=(replace(trace.latents[0], q=skewed(trace.latents[0].q)),))
    covariance = Dip(variant=variant).covariance(trace.latents[0].q).detach().numpy()
    off = np.square(covariance[~np.eye(2, dtype=bool)]).sum()
    diagonal = np.square(np.diag(covariance) - 1).sum()
    assert min(off, diagonal) > 0.01
    loss = Dip(variant, lambda_od=3.0, lambda_d=0.5)(trace, 0, 1.0)
    elbo = Elbo(1.0, Constant())(trace, 0, 1.0).value.item()
    assert loss.value.item() == pytest.approx(elbo + 3 * off + 0.5 * diagonal, rel=1e-10)
    assert not any(term.requires_grad for term in loss.terms.values())


def skewed(q):
    return replace(q, mu=q.mu @ tensor([[1.0, 0.7], [0.0, 1.3]]))


def test_a_step_downhill_brings_the_covariance_nearer_to_the_identity():
    theta = tensor(GENERATOR.normal(size=(6, 2, 3))).requires_grad_()

    def distance(values):
        return (Dip(variant=2).covariance(Normal((3,))(values)) - torch.eye(3)).square().sum()

    before = distance(theta)
    (gradient,) = torch.autograd.grad(before, theta)
    assert distance(theta - 1e-3 * gradient) < before


@pytest.mark.parametrize(("options", "name"), [
    ({"variant": 3}, "variant"), ({"variant": "2"}, "variant"), ({"lambda_od": -1.0}, "lambda_od"),
    ({"lambda_d": math.nan}, "lambda_d"), ({"lambda_d": math.inf}, "lambda_d"),
])  # fmt: skip
def test_options_out_of_range_are_refused(options, name):
    with pytest.raises(ConfigError, match=f"objective.{name} must be"):
        Dip(**options)


@dataclass(frozen=True)
class Opaque:
    mean: torch.Tensor


def test_a_posterior_without_a_covariance_is_for_the_first_variant():
    q = Opaque(tensor(GENERATOR.normal(size=(5, 2))))
    assert Dip(variant=1).covariance(q).numpy() == pytest.approx(np.cov(q.mean.numpy().T))
    with pytest.raises(ConfigError, match=r"for any other use objective.variant=1\."):
        Dip(variant=2).covariance(q)


def test_several_layers_are_refused():
    trace = pass_of()
    with pytest.raises(ConfigError, match="one layer of latents, but got 2"):
        Dip()(replace(trace, latents=trace.latents * 2), 0, 1.0)
