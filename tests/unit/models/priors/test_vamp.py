"""The VampPrior: equal to q, to the aggregate posterior, and started from training examples."""

import numpy as np
import pytest
import torch
from helpers.parts import flat_latents
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from vael import build
from vael.errors import ConfigError
from vael.metrics.aggregate_posterior import measure_aggregate
from vael.models.posteriors import FullNormal, Normal
from vael.models.priors import VampPrior

D, E, N = 2, (5,), 40
kinds = pytest.mark.parametrize("kind", [Normal, FullNormal])


def latents(kind, components, seed=0):
    """Latents whose encoder and pseudo-inputs are drawn, float64."""
    torch.manual_seed(seed)
    family = kind((D,))
    net = torch.nn.Sequential(
        torch.nn.Linear(*E, torch.Size(family.theta_shape).numel()),
        torch.nn.Unflatten(1, family.theta_shape),
    )
    prior = VampPrior((D,), E, components)
    prior.initialise(torch.randn(components, *E))
    return flat_latents(family, net, prior, E).double()


def z_of(count=7):
    return torch.from_numpy(np.random.default_rng(1).normal(size=(3, count, D)))


@kinds
def test_a_single_pseudo_input_is_q_at_it_up_to_rounding(kind):
    flat = latents(kind, 1)
    q = flat.encode(flat.prior.pseudo_inputs)
    z = z_of(1)
    found = flat.prior(flat.posterior).log_prob(z)
    torch.testing.assert_close(found, q.log_prob(z), rtol=1e-12, atol=1e-12)
    eps = torch.randn(3, 1, 2 + D, dtype=torch.float64)
    assert torch.equal(flat.sample((eps,)), q.rsample(eps[..., 2:]))


@kinds
def test_the_density_is_scipys_by_enumeration_over_the_pseudo_inputs(kind):
    flat = latents(kind, 4)
    q, z = flat.encode(flat.prior.pseudo_inputs), z_of()
    tril = q.tril if kind is FullNormal else torch.diag_embed(q.sigma)
    covariances = (tril @ tril.mT).detach().numpy()
    parts = [
        multivariate_normal(m, c).logpdf(z)
        for m, c in zip(q.mean.detach().numpy(), covariances, strict=True)
    ]
    wanted = logsumexp(np.stack(parts, -1), axis=-1) - np.log(4)
    found = flat.prior(flat.posterior).log_prob(z).detach()
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


@kinds
def test_all_examples_as_pseudo_inputs_are_the_aggregate_posterior(kind):
    flat = latents(kind, N)
    x = flat.prior.pseudo_inputs.detach().clone()
    with torch.no_grad():
        found = measure_aggregate(
            flat.encode(x), flat.prior(flat.posterior), torch.Generator().manual_seed(0)
        )
    assert found.marginal_kl == pytest.approx(0, abs=1e-10)
    assert found.rate == pytest.approx(found.mutual_information, rel=1e-10)
    assert found.rate > 0


def test_the_rate_trains_pseudo_inputs_and_encoder():
    flat = latents(Normal, 3)
    x = torch.randn(6, *E, dtype=torch.float64)
    _, layers = flat.infer(x, (torch.randn(2, 6, D, dtype=torch.float64),))
    flat.rate(layers).sum().backward()
    assert all(float(each.grad.abs().max()) > 0 for each in flat.parameters())
    assert float(flat.prior.pseudo_inputs.grad.abs().min()) > 0


def test_pseudo_inputs_start_at_different_training_examples_as_the_model_sees_them():
    lit, data = build(data="digits", model="mlp_vae", prior="vamp", **{"prior.components": 30})
    arrays, index = data.select("train")
    seen = data.preprocess(torch.from_numpy(arrays.x[index]), None)
    u = lit.vae.latents.prior.pseudo_inputs
    same = (u[:, None] == seen[None]).flatten(2).all(-1)
    assert same.any(1).all()
    assert len({tuple(each.tolist()) for each in u.flatten(1)}) == 30
    again, _ = build(data="digits", model="mlp_vae", prior="vamp", **{"prior.components": 30})
    assert torch.equal(again.vae.latents.prior.pseudo_inputs, u)


def test_more_pseudo_inputs_than_examples_are_refused():
    with pytest.raises(ConfigError, match=r"prior\.components=91 must not be larger .* 90,"):
        build(
            data="digits",
            model="mlp_vae",
            prior="vamp",
            **{"prior.components": 91, "data.limit": 100, "data.batch_size": 50},
        )


def test_no_pseudo_inputs_are_refused():
    with pytest.raises(ConfigError, match=r"prior\.components must be an integer >= 1"):
        VampPrior((D,), E, 0)
