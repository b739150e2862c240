"""The adversarial autoencoder: the KL of known normals, and whose gradient goes where."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.exact_vae import linear_vae, normal_theta
from oracles.linear_gaussian import LinearGaussian
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from vael.errors import ConfigError
from vael.models.posteriors import Normal
from vael.objectives import Adversarial

WORLD = LinearGaussian.draw(4, 2, orthogonal=True)
MEAN, COV = np.array([0.7, -0.4]), np.array([[0.5, 0.2], [0.2, 1.1]])
KL = 0.5 * (np.trace(COV) + MEAN @ MEAN - 2 - math.log(np.linalg.det(COV)))


def objective(weight=5.0):
    torch.manual_seed(0)
    return Adversarial(2, weight, width=8, depth=2).double()


def vae():
    A, cov = WORLD.posterior_map()
    return linear_vae(WORLD, Normal((2,)), 0.8 * A, np.full(2, 0.3), normal_theta(1.7 * cov))


def pass_of(model, count=6, seed=1):
    generator = torch.Generator().manual_seed(seed)
    eps, noise = torch.randn(2, 1, count, 2, generator=generator, dtype=torch.float64)
    return replace(model(torch.from_numpy(WORLD.sample(count)), (eps,)), noise=(noise,))


def drawn(count, seed):
    """A trace whose z ~ N(MEAN, COV)."""
    trace = pass_of(vae(), count, seed)
    eps = torch.randn(
        1, count, 2, generator=torch.Generator().manual_seed(seed + 10**6), dtype=torch.float64
    )
    z = eps @ torch.linalg.cholesky(torch.from_numpy(COV)).T + torch.from_numpy(MEAN)
    return replace(trace, latents=(replace(trace.latents[0], z=z),))


class LogRatio(nn.Module):
    """log N(z; 0, I) - log N(z; MEAN, COV), the best discriminator."""

    def forward(self, z):
        prior = torch.distributions.Normal(0.0, torch.ones(2).double())
        own = torch.distributions.MultivariateNormal(torch.tensor(MEAN), torch.tensor(COV))
        return prior.log_prob(z).sum(-1) - own.log_prob(z)


def test_with_the_best_discriminator_the_kl_is_the_closed_form():
    found, count = objective(), 4000
    found.discriminator.net = nn.Sequential(LogRatio(), nn.Unflatten(0, (-1, 1)))
    trace = drawn(count, 0)
    value = found(trace, 0, 1.0).terms["marginal_kl"].item()
    error = LogRatio()(trace.latents[0].z[0]).std().item() / math.sqrt(count)
    assert abs(value - KL) < 5 * error  # fails once in 10^6 seeds
    assert 20 * error < KL


def test_the_discriminator_learns_the_kl():
    torch.manual_seed(0)
    found = Adversarial(2, width=32, depth=2, lr=3e-3).double()
    optimizer = torch.optim.Adam(found.parameters(), **found.optimizer_options)
    values = []
    for step in range(500):
        optimizer.zero_grad()
        loss = found(drawn(512, step), 0, 1.0)
        loss.value.backward()
        optimizer.step()
        values.append(loss.terms["marginal_kl"].item())
    assert abs(values[0] - KL) > 0.2
    # over the last 100 batches the mean has a standard error of 0.005; the rest is the net's
    assert np.mean(values[-100:]) == pytest.approx(KL, abs=0.07)


def test_the_terms_are_those_of_the_paper():
    found, trace = objective(weight=3.0), pass_of(vae())
    loss = found(trace, 0, 1.0)
    z, y = trace.latents[0].z[0], trace.noise[0][0]  # the prior is N(0, I)
    odds = found.discriminator(torch.cat([y, z]))
    real = torch.cat([torch.ones(6), torch.zeros(6)]).double()
    entropy = binary_cross_entropy_with_logits(odds, real).item()
    assert loss.terms["cross_entropy"].item() == pytest.approx(entropy, rel=1e-10)
    fooled = -torch.log(torch.sigmoid(odds[6:])).mean()
    wanted = -trace.log_px.mean() + 3 * fooled
    assert loss.value.item() == pytest.approx(wanted.item(), rel=1e-10)
    assert not any(term.requires_grad for term in loss.terms.values())


def gradients(weight):
    """Of the encoder and of the discriminator, after one backward pass."""
    found, model = objective(weight), vae()
    found(pass_of(model), 0, 1.0).value.backward()
    of_model = [p.grad for p in model.latents.parameters()]
    return of_model, [p.grad for p in found.discriminator.parameters()]


def test_one_backward_pass_gives_the_gradients_of_two_optimisers():
    of_model, of_discriminator = gradients(3.0)
    found, model = objective(), vae()
    trace = pass_of(model)
    z, y = trace.latents[0].z[0], trace.noise[0][0]
    first = -trace.log_px.mean() - 3 * torch.log(torch.sigmoid(found.discriminator(z))).mean()
    wanted = torch.autograd.grad(first, list(model.latents.parameters()), retain_graph=True)
    for a, b in zip(of_model, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    odds = found.discriminator(torch.cat([y, z]).detach())
    real = torch.cat([torch.ones(6), torch.zeros(6)]).double()
    second = binary_cross_entropy_with_logits(odds, real)
    wanted = torch.autograd.grad(second, list(found.discriminator.parameters()))
    for a, b in zip(of_discriminator, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
        assert a.abs().max() > 0


def test_the_cross_entropy_gives_the_encoder_nothing_and_the_weight_the_discriminator_nothing():
    (plain, own), (_, other) = gradients(0.0), gradients(50.0)
    model = vae()
    (-pass_of(model).log_px.mean()).backward()
    for a, parameter in zip(plain, model.latents.parameters(), strict=True):
        torch.testing.assert_close(a, parameter.grad, rtol=1e-12, atol=1e-12)
    for a, b in zip(own, other, strict=True):
        assert torch.equal(a, b)


def test_the_rate_is_left_out():
    trace = pass_of(vae())
    other = replace(trace, rate=trace.rate + 7)
    values = [objective()(each, 0, 1.0).value.item() for each in (trace, other)]
    assert values[0] == values[1]


@pytest.mark.parametrize(("options", "message"), [
    ({"weight": -1.0}, "weight must be a finite number >= 0, but got -1.0"),
    ({"weight": math.inf}, "weight must be"), ({"width": 0}, "width must be an integer >= 1"),
    ({"depth": 0}, "depth must be an integer >= 1"), ({"lr": -1e-4}, "lr must be"),
])  # fmt: skip
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=f"objective.{message}"):
        Adversarial(**{"latent_size": 2, **options})


def test_several_layers_are_refused():
    trace = pass_of(vae())
    with pytest.raises(ConfigError, match="one layer of latents, but got 2"):
        objective()(replace(trace, latents=trace.latents * 2), 0, 1.0)
