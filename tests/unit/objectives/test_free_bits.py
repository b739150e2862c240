import math

import numpy as np
import pytest
import torch
from oracles.water_filling import aligned_vae, corners, examples

from vael.errors import ConfigError
from vael.models.posteriors.full_normal import FullNormal
from vael.models.posteriors.normal import NormalRecord, StandardNormalRecord
from vael.models.trace import Latent, LatentRecord, Trace
from vael.objectives import Constant, Elbo, FreeBits, Linear

MU, LOG_SIGMA = torch.randn(
    2, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
)
ZERO = torch.zeros(6, dtype=torch.float64)
LOG_PX = torch.full((1, 5), -7.0, dtype=torch.float64)


def trace_of(q, p=None):
    p = StandardNormalRecord(ZERO, ZERO) if p is None else p
    kl = q.kl(p)
    return Trace(None, None, (Latent(q.mean[None], q, p),), LOG_PX, kl[None])


def dimensions():
    """KL of each dimension by torch's own formula, mean over the batch, ``(6,)``."""
    q = torch.distributions.Normal(MU, LOG_SIGMA.exp())
    return torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).mean(0)


@pytest.mark.parametrize("group", [1, 2, 3, 6, None])
@pytest.mark.parametrize("free", [0.0, 0.9, 2.0, 100.0])
def test_each_group_costs_at_least_what_is_free(group, free):
    objective = FreeBits(beta=2.0, schedule=Linear(10), free_nats=free, group=group)
    kl = dimensions().numpy().reshape(-1, group or 6).sum(1)
    beta = objective.beta(5)
    loss = objective(trace_of(NormalRecord(MU, LOG_SIGMA)), 5, beta)
    assert beta == 1.0
    charged = np.maximum(kl, free).sum()
    assert loss.value.item() == pytest.approx(7 + charged, rel=1e-12)
    assert loss.terms["charged_rate"].item() == pytest.approx(charged, rel=1e-12)
    assert loss.terms["rate"].item() == pytest.approx(kl.sum(), rel=1e-12)


@pytest.mark.parametrize("group", [1, 2])
def test_below_it_the_gradient_is_nothing_and_above_it_the_elbos(group):
    mu, log_sigma = MU.clone().requires_grad_(), LOG_SIGMA.clone().requires_grad_()
    trace = trace_of(NormalRecord(mu, log_sigma))
    kl = dimensions().reshape(-1, group).sum(1)
    free = kl.median().item() + 1e-9
    ours = torch.autograd.grad(
        FreeBits(1.0, Constant(), free, group)(trace, 0, 1.0).value, (mu, log_sigma),
        retain_graph=True,
    )  # fmt: skip
    elbo = torch.autograd.grad(Elbo(1.0, Constant())(trace, 0, 1.0).value, (mu, log_sigma))
    above = (kl > free).repeat_interleave(group)
    assert 0 < above.sum() < 6
    for found, wanted in zip(ours, elbo, strict=True):
        assert torch.equal(found[:, ~above], torch.zeros_like(found[:, ~above]))
        torch.testing.assert_close(found[:, above], wanted[:, above], rtol=1e-12, atol=0)


def test_the_correlation_of_a_posterior_is_never_free():
    theta = torch.randn(5, 27, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    q = FullNormal((6,))(theta)
    trace = trace_of(q)
    cov = q.tril @ q.tril.mT
    diagonal = torch.diagonal(cov, dim1=-2, dim2=-1)
    correlation = 0.5 * (diagonal.log().sum(-1) - torch.logdet(cov)).mean().item()
    marginals = 0.5 * (diagonal + q.mu.square() - 1 - diagonal.log()).mean(0)
    assert correlation > 0.1
    for free in (0.0, 1.0, 50.0):
        wanted = marginals.clamp(min=free).sum().item() + correlation
        found = FreeBits(1.0, Constant(), free, 1).charge(trace).item()
        assert found == pytest.approx(wanted, rel=1e-10)


def test_a_weak_direction_gets_what_is_free_and_a_strong_one_its_water_level():
    """No small change of any weight lowers the loss of rates max(free, log(spectrum / s) / 2)."""
    spectrum, sigma, free = np.array([4.0, 0.2]), 0.5, 0.3
    x, noise = examples(spectrum), corners(2, 4)
    objective = FreeBits(1.0, Constant(), free, 1)
    rates = np.maximum(free, 0.5 * np.log(spectrum / sigma**2))
    assert rates[0] > free == rates[1]

    def loss(vae):
        return objective(vae(x, (noise,)), 0, 1.0).value.item()

    best = loss(aligned_vae(spectrum, rates, sigma))
    for seed in range(50):
        torch.manual_seed(seed)
        vae = aligned_vae(spectrum, rates, sigma)
        with torch.no_grad():
            for parameter in vae.parameters():
                parameter.add_(1e-3 * torch.randn_like(parameter))
        assert loss(vae) > best
    for change in ([0, 0.01], [0, -0.01], [0.01, 0], [-0.01, 0]):
        assert loss(aligned_vae(spectrum, rates + np.array(change), sigma)) > best


class Unknown(LatentRecord):
    mean = ZERO


def test_without_a_closed_form_only_all_together_can_be_free():
    q = NormalRecord(MU, LOG_SIGMA)
    rate = torch.full((1, 5), 3.0, dtype=torch.float64)
    trace = Trace(None, None, (Latent(MU[None], q, Unknown()),), LOG_PX, rate)
    assert FreeBits(1.0, Constant(), 4.0, None)(trace, 0, 1.0).value.item() == 11.0
    with pytest.raises(
        ConfigError, match=r"this posterior does not have against this prior: use objective"
    ):
        FreeBits(1.0, Constant(), 4.0, 1)(trace, 0, 1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"free_nats": -0.1}, r"objective\.free_nats must be a finite number >= 0, but got -0\.1"),
        ({"free_nats": math.inf}, r"objective\.free_nats must be a finite number >= 0"),
        ({"group": 0}, r"objective\.group must be null or an integer >= 1, not 0"),
        ({"group": 1.5}, r"objective\.group must be null or an integer >= 1, not 1\.5"),
        ({"beta": -1.0}, r"objective\.beta must be a finite number >= 0"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        FreeBits(**{"beta": 1.0, "schedule": Constant(), **options})


def test_a_group_that_does_not_divide_the_latents_is_refused():
    with pytest.raises(ConfigError, match=r"group must divide the 6 latent dimensions .* got 4"):
        FreeBits(1.0, Constant(), 0.5, 4)(trace_of(NormalRecord(MU, LOG_SIGMA)), 0, 1.0)
