"""FactorVAE: the total correlation of known normals, and whose gradient goes where."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.exact_vae import linear_vae, normal_theta
from oracles.linear_gaussian import LinearGaussian
from scipy.stats import chisquare
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from vael.errors import ConfigError
from vael.models.posteriors import Normal
from vael.objectives import Constant, Elbo, FactorVae
from vael.objectives.factor_vae import permute_dimensions

WORLD = LinearGaussian.draw(4, 2, orthogonal=True)
COV = np.array([[1.3, 0.8], [0.8, 0.9]])
CORRELATION = -0.5 * math.log(np.linalg.det(COV) / COV[0, 0] / COV[1, 1])


def objective(gamma=5.0, **options):
    torch.manual_seed(0)
    return FactorVae(2, gamma, width=8, depth=2, **options).double()


def vae():
    A, cov = WORLD.posterior_map()
    return linear_vae(WORLD, Normal((2,)), 0.8 * A, np.full(2, 0.3), normal_theta(1.7 * cov))


def pass_of(model, count=6):
    generator = torch.Generator().manual_seed(1)
    eps, noise = torch.randn(2, 1, count, 2, generator=generator, dtype=torch.float64)
    return replace(model(torch.from_numpy(WORLD.sample(count)), (eps,)), noise=(noise,))


def correlated(count, seed):
    """A trace whose z ~ N(0, COV), and which costs nothing else."""
    generator = torch.Generator().manual_seed(seed)
    eps, noise = torch.randn(2, 1, count, 2, generator=generator, dtype=torch.float64)
    trace = pass_of(vae(), count)
    z = eps @ torch.linalg.cholesky(torch.from_numpy(COV)).T
    return replace(trace, latents=(replace(trace.latents[0], z=z),), noise=(noise,))


class LogRatio(nn.Module):
    """log N(z; 0, COV) - sum_j log N(z_j; 0, COV_jj), the best discriminator."""

    def forward(self, z):
        joint = torch.distributions.MultivariateNormal(torch.zeros(2).double(), torch.tensor(COV))
        single = torch.distributions.Normal(0.0, torch.tensor(COV).diagonal().sqrt())
        return joint.log_prob(z) - single.log_prob(z).sum(-1)


def test_with_the_best_discriminator_its_mean_is_the_total_correlation():
    found = objective()
    found.discriminator.net = nn.Sequential(LogRatio(), nn.Unflatten(0, (-1, 1)))
    count = 4000
    trace = correlated(count, 0)
    value = found(trace, 0, 1.0).terms["total_correlation"].item()
    error = LogRatio()(trace.latents[0].z[0]).std().item() / math.sqrt(count)
    assert abs(value - CORRELATION) < 5 * error  # fails once in 10^6 seeds
    assert 20 * error < CORRELATION


def test_the_discriminator_learns_the_total_correlation():
    torch.manual_seed(0)
    found = FactorVae(2, width=32, depth=2, lr=3e-3).double()
    optimizer = torch.optim.Adam(found.parameters(), **found.optimizer_options)
    values = []
    for step in range(500):
        optimizer.zero_grad()
        loss = found(correlated(512, step), 0, 1.0)
        loss.value.backward()
        optimizer.step()
        values.append(loss.terms["total_correlation"].item())
    assert abs(values[0] - CORRELATION) > 0.2
    # over the last 100 batches the mean has a standard error of 0.005; the rest is the net's
    assert np.mean(values[-100:]) == pytest.approx(CORRELATION, abs=0.07)
    assert loss.terms["cross_entropy"].item() < math.log(2) - 0.03


def test_each_dimension_is_permuted_by_itself_and_every_permutation_is_as_likely():
    z = torch.arange(6.0).reshape(3, 2)
    noise = torch.randn(2400, 3, 2, generator=torch.Generator().manual_seed(0))
    seen = Counter()
    for each in noise:
        mixed = permute_dimensions(z, each)
        assert [sorted(column) for column in mixed.T.tolist()] == z.T.tolist()
        seen[tuple(mixed.flatten().tolist())] += 1
    assert len(seen) == 36  # 3! orders of each of two dimensions
    assert chisquare(list(seen.values())).pvalue > 1e-4  # fails once in 10^4 seeds


def test_the_terms_are_those_of_the_paper():
    found, trace = objective(gamma=3.0), pass_of(vae())
    loss = found(trace, 0, 1.0)
    z = trace.latents[0].z[0]
    mixed = torch.stack([z[trace.noise[0][0, :, j].argsort(), j] for j in range(2)], 1)
    odds = found.discriminator(torch.cat([z, mixed]))
    real = torch.cat([torch.ones(6), torch.zeros(6)]).double()
    entropy = binary_cross_entropy_with_logits(odds, real).item()
    share = torch.sigmoid(odds[:6])
    correlation = torch.log(share / (1 - share)).mean().item()
    assert loss.terms["cross_entropy"].item() == pytest.approx(entropy, rel=1e-10)
    assert loss.terms["total_correlation"].item() == pytest.approx(correlation, rel=1e-10)
    elbo = Elbo(1.0, Constant())(trace, 0, 1.0).value.item()
    assert loss.value.item() == pytest.approx(elbo + 3 * correlation, rel=1e-10)
    assert not any(term.requires_grad for term in loss.terms.values())


def gradients(gamma):
    """Of the encoder and of the discriminator, after one backward pass."""
    found, model = objective(gamma), vae()
    found(pass_of(model), 0, 1.0).value.backward()
    of_model = [p.grad for p in model.latents.parameters()]
    return of_model, [p.grad for p in found.discriminator.parameters()]


def test_one_backward_pass_gives_the_gradients_of_two_optimisers():
    of_model, of_discriminator = gradients(3.0)
    found, model = objective(), vae()
    trace = pass_of(model)
    z = trace.latents[0].z[0]
    elbo = Elbo(1.0, Constant())(trace, 0, 1.0).value
    first = elbo + 3.0 * found.discriminator(z).mean()
    wanted = torch.autograd.grad(first, list(model.latents.parameters()), retain_graph=True)
    for a, b in zip(of_model, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    mixed = permute_dimensions(z, trace.noise[0][0])
    odds = found.discriminator(torch.cat([z, mixed]).detach())
    real = torch.cat([torch.ones(6), torch.zeros(6)]).double()
    second = binary_cross_entropy_with_logits(odds, real)
    wanted = torch.autograd.grad(second, list(found.discriminator.parameters()))
    for a, b in zip(of_discriminator, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
        assert a.abs().max() > 0


def test_the_cross_entropy_gives_the_encoder_nothing_and_gamma_the_discriminator_nothing():
    (plain, own), (_, other) = gradients(0.0), gradients(50.0)
    model = vae()
    Elbo(1.0, Constant())(pass_of(model), 0, 1.0).value.backward()
    for a, parameter in zip(plain, model.latents.parameters(), strict=True):
        torch.testing.assert_close(a, parameter.grad, rtol=1e-12, atol=1e-12)
    for a, b in zip(own, other, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("options", "message"), [
    ({"gamma": -1.0}, "gamma must be a finite number >= 0, but got -1.0"),
    ({"gamma": math.nan}, "gamma must be"), ({"width": 0}, "width must be an integer >= 1"),
    ({"depth": 1.5}, "depth must be an integer >= 1"), ({"depth": True}, "depth must be"),
    ({"lr": 0.0}, "lr must be a finite number > 0"), ({"lr": math.inf}, "lr must be"),
])  # fmt: skip
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=f"objective.{message}"):
        FactorVae(**{"latent_size": 2, **options})


def test_several_layers_are_refused():
    trace = pass_of(vae())
    with pytest.raises(ConfigError, match="one layer of latents, but got 2"):
        objective()(replace(trace, latents=trace.latents * 2), 0, 1.0)
