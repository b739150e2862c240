import itertools
import math

import numpy as np
import pytest
import torch
from oracles.exact_vae import exact_vae, linear_vae, normal_theta
from oracles.linear_gaussian import LinearGaussian
from torch.utils.flop_counter import FlopCounterMode

from vael.errors import ConfigError
from vael.models.posteriors import Normal
from vael.objectives import Bound

WORLD = LinearGaussian.draw(4, 2, orthogonal=True)
X = torch.from_numpy(WORLD.sample(3))
OPTIONS = [
    {"k": 4},
    {"k": 1},
    {"k": 2, "m": 3},
    {"k": 3, "alpha": 0.4},
    {"k": 3, "m": 2, "alpha": 1.0},
    {"k": 3, "mix": 0.3},
    {"k": 3, "mix": 1.0},
]
GRADIENTS = [
    {"k": 4, "gradient": "stl"},
    {"k": 4, "gradient": "dreg"},
    {"k": 2, "m": 2, "gradient": "dreg"},
    {"k": 2, "m": 2, "gradient": "piwae"},
]


def wrong_vae(world=WORLD):
    """An encoder that is not the posterior: shifted, tilted and too wide."""
    A, cov = world.posterior_map()
    d = world.latent_dim
    return linear_vae(world, Normal((d,)), 0.8 * A, np.full(d, 0.3), normal_theta(1.7 * cov))


def noise(objective, x=X, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (objective.num_samples, len(x), 2)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def gradients(vae, loss):
    names, parameters = zip(*vae.named_parameters(), strict=True)
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return {n: g for n, g in zip(names, found, strict=True) if g is not None}


def split(found):
    """Of the encoder, and of all else."""
    encoder = {n: g for n, g in found.items() if n.startswith("latents.posterior")}
    return encoder, {n: g for n, g in found.items() if n not in encoder}


def textbook(vae, x, eps, k, m=1, alpha=0.0, mix=0.0):
    """The negative bound, as the papers write it, for autograd."""
    trace = vae(x, (eps,))
    w = trace.log_w().reshape(m, k, len(x))
    elbo = w.mean(1)
    if alpha == 1:
        return -elbo.mean()
    renyi = ((w * (1 - alpha)).exp().mean(1)).log() / (1 - alpha)
    return -((1 - mix) * renyi + mix * elbo).mean()


@pytest.mark.parametrize("options", [*OPTIONS, *GRADIENTS], ids=str)
def test_with_the_posterior_every_bound_is_the_evidence(options):
    objective = Bound(**options)
    loss = objective(exact_vae(WORLD, Normal)(X, (noise(objective),)), 0, 1.0)
    assert loss.value.item() == pytest.approx(-WORLD.log_evidence(X.numpy()).mean(), rel=1e-10)


@pytest.mark.parametrize("gradient", ["stl", "dreg"])
def test_with_the_posterior_the_encoder_stands_still_whatever_the_noise(gradient):
    objective, vae = Bound(k=4, gradient=gradient), exact_vae(WORLD, Normal)
    for seed in range(5):
        loss = objective(vae(X, (noise(objective, seed=seed),)), 0, 1.0)
        encoder, _ = split(gradients(vae, loss.value))
        assert all(g.abs().max() < 1e-12 for g in encoder.values())
    plain, _ = split(gradients(vae, Bound(k=4)(vae(X, (noise(objective),)), 0, 1.0).value))
    assert max(g.abs().max() for g in plain.values()) > 0.01


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_value_and_gradient_are_those_of_the_textbook(options):
    objective, vae = Bound(**options), wrong_vae()
    eps = noise(objective)
    loss = objective(vae(X, (eps,)), 0, 1.0).value
    expected = textbook(vae, X, eps, **options)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    ours, theirs = gradients(vae, loss), gradients(vae, expected)
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("gradient", "k", "same"), [
    ("dreg", 1, True), ("dreg", 2, True), ("stl", 1, True), ("stl", 2, False),
])  # fmt: skip
def test_the_mean_over_all_noise_is_that_of_the_plain_gradient(gradient, k, same):
    """By Gauss-Hermite quadrature over the noise of a world with one latent dimension."""
    world = LinearGaussian.draw(2, 1, orthogonal=True)
    x, vae = torch.from_numpy(world.sample(1)), wrong_vae(world)
    nodes, weights = np.polynomial.hermite_e.hermegauss(30)
    weights = weights / weights.sum()
    means = {}
    for kind in ("plain", gradient):
        total = 0.0
        for at in itertools.product(range(len(nodes)), repeat=k):
            eps = torch.from_numpy(nodes[list(at)]).reshape(k, 1, 1)
            loss = Bound(k=k, gradient=kind)(vae(x, (eps,)), 0, 1.0).value
            encoder, _ = split(gradients(vae, loss))
            flat = torch.cat([g.flatten() for g in encoder.values()])
            total = total + math.prod(weights[i] for i in at) * flat
        means[kind] = total
    difference = (means["plain"] - means[gradient]).abs().max().item()
    assert (difference < 1e-6) == same


def test_piwae_trains_the_decoder_by_iwae_and_the_encoder_by_miwae():
    vae, piwae = wrong_vae(), Bound(k=3, m=2, gradient="piwae")
    eps = noise(piwae)
    encoder, decoder = split(gradients(vae, piwae(vae(X, (eps,)), 0, 1.0).value))
    miwae, _ = split(gradients(vae, textbook(vae, X, eps, k=3, m=2)))
    _, iwae = split(gradients(vae, textbook(vae, X, eps, k=6)))
    for ours, theirs in ((encoder, miwae), (decoder, iwae)):
        assert ours.keys() == theirs.keys()
        for name, gradient in theirs.items():
            torch.testing.assert_close(ours[name], gradient, rtol=1e-9, atol=1e-11)


def test_a_weight_of_nothing_breaks_no_gradient():
    """One sample is so far off that its weight is 0 in float32."""
    vae = wrong_vae().float()
    piwae = Bound(k=1, m=2, gradient="piwae")
    eps = torch.stack([torch.zeros(3, 2), torch.full((3, 2), 60.0)])
    found = gradients(vae, piwae(vae(X.float(), (eps,)), 0, 1.0).value)
    assert all(g.isfinite().all() for g in found.values())


def test_k_samples_cost_one_encoding_and_k_decodings():
    """Multiplications, there and back: so they are fewer than those of k steps of the ELBO."""

    def count(k):
        vae, objective = wrong_vae(), Bound(k=k)
        with FlopCounterMode(display=False) as counter:
            objective(vae(X, (noise(objective),)), 0, 1.0).value.backward()
        return counter.get_total_flops()

    one, two, eight = map(count, (1, 2, 8))
    decoding = two - one
    assert one > decoding > 0
    assert eight == one + 7 * decoding


def test_alpha_near_one_is_near_the_elbo():
    log_w = torch.tensor([[-3.0], [-5.0], [-4.0]], dtype=torch.float64)
    near = Bound(k=3, alpha=1 - 1e-6).bound(log_w)
    assert near.item() == pytest.approx(-4.0, abs=1e-5)
    assert near.item() > Bound(k=3, alpha=1.0).bound(log_w).item() == -4.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, r"objective\.k must be an integer >= 1, but got 0"),
        ({"m": 1.5}, r"objective\.m must be an integer >= 1, but got 1\.5"),
        ({"alpha": 1.1}, r"objective\.alpha must be in \[0, 1\], but got 1\.1"),
        ({"mix": math.nan}, r"objective\.mix must be in \[0, 1\], but got nan"),
        ({"gradient": "reinforce"}, "one of plain, stl, dreg, piwae, but got 'reinforce'"),
        ({"gradient": "stl", "alpha": 0.5}, "use gradient=plain"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Bound(**options)
