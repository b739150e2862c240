"""Several layers of latents: exact in a two-layer linear-Gaussian world, and one layer is flat."""

import numpy as np
import pytest
import torch
from oracles.two_layers import World, exact_chain, exact_ladder

from vael import build
from vael.errors import ConfigError
from vael.metrics.catalog import find_metric
from vael.metrics.chunk_noise import ChunkNoise
from vael.metrics.evidence import Evidence, weigh
from vael.metrics.scores import Scores
from vael.models.latents.base import layer_rate
from vael.objectives import Bound, FreeBits
from vael.objectives.schedules import Constant
from vael.randomness import Noise

WORLD = World()
X = WORLD.sample(8)
STRUCTURES = {
    "chain": exact_chain,
    "precision": lambda world, shift=0.0: exact_ladder(world, "precision", shift),
    "residual": lambda world, shift=0.0: exact_ladder(world, "residual", shift),
}
structures = pytest.mark.parametrize("make", STRUCTURES.values(), ids=STRUCTURES)


def noise(vae, samples, count=8, seed=0):
    source = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn(samples, count, *shape, dtype=torch.float64, generator=source)
        for shape in vae.noise_shapes
    )


@structures
def test_with_the_exact_posterior_every_weight_is_the_evidence(make):
    vae = make(WORLD)
    log_w = vae(torch.from_numpy(X), noise(vae, 5)).log_w()
    np.testing.assert_allclose(log_w, np.tile(WORLD.log_evidence(X), (5, 1)), rtol=1e-12)


@structures
def test_given_the_class_every_weight_is_the_evidence_given_it(make):
    """Encoder, decoder and prior of every layer are given c, in both directions."""
    world, y = World(classes=4), np.arange(8) % 4
    vae = make(world)
    context = vae.context(torch.from_numpy(y).double()[:, None])
    log_w = vae(torch.from_numpy(X), noise(vae, 5), context=context).log_w()
    np.testing.assert_allclose(log_w, np.tile(world.log_evidence(X, y), (5, 1)), rtol=1e-12)
    assert np.abs(log_w.numpy() - world.log_evidence(X, (y + 1) % 4)).min() > 0.1
    eps = noise(vae, 3)
    z2 = world.M.T[y] + world.s * eps[0].numpy()
    z1 = z2 @ world.V.T + world.K.T[y] + world.c
    middle = vae.latents.complete(torch.from_numpy(z2), context=context)
    np.testing.assert_allclose(middle, z1, rtol=1e-12)
    drawn = vae.latents.sample(eps, context=context)
    np.testing.assert_allclose(drawn, z1 + 0.7 * eps[1].numpy(), rtol=1e-12)


@structures
def test_another_posterior_bounds_it_from_below_the_closer_the_more_samples(make):
    vae = make(WORLD, shift=0.3)
    log_w = vae(torch.from_numpy(X), noise(vae, 20_000)).log_w()
    evidence = WORLD.log_evidence(X).mean()
    bounds = []
    for k in (1, 10, 1000):
        by_block = (log_w.reshape(-1, k, len(X)).logsumexp(1) - np.log(k)).mean(1)
        bounds.append(by_block.mean().item())
    error = by_block.std().item() / len(by_block) ** 0.5
    assert bounds[0] < bounds[1] < bounds[2] < evidence + 4 * error
    assert bounds[0] < evidence - 0.1
    assert bounds[2] > evidence - 0.1


@structures
def test_the_rate_has_the_mean_of_its_estimate_by_samples(make):
    """5 standard errors of 20,000 draws: 8 examples fail once in 200,000."""
    vae = make(WORLD, shift=0.3)
    trace = vae(torch.from_numpy(X), noise(vae, 20_000))
    by_samples = trace.log_px - trace.log_w()
    difference = by_samples - trace.rate
    error = difference.std(0) / 20_000**0.5
    assert (difference.mean(0).abs() < 5 * error).all()


@structures
def test_the_numbers_of_evaluation_are_exact_and_of_each_layer(make):
    vae = make(WORLD)

    def eps(number, shape, layer=0):
        return torch.randn(
            len(X),
            *shape,
            dtype=torch.float64,
            generator=torch.Generator().manual_seed(10 * number + layer),
        )

    found = weigh(vae, torch.from_numpy(X), eps, 400, None).evidence
    np.testing.assert_allclose(found.iwae, WORLD.log_evidence(X), rtol=1e-10)
    np.testing.assert_allclose(found.layer_rates.sum(1), found.rate, rtol=1e-12)
    num_dims, _, d2 = WORLD.dims
    cov = np.block(
        [
            [np.eye(d2), WORLD.V.T @ WORLD.W.T],
            [WORLD.W @ WORLD.V, WORLD.W @ WORLD.cov1 @ WORLD.W.T + 0.6**2 * np.eye(num_dims)],
        ]
    )
    gain = cov[:d2, d2:] @ np.linalg.inv(cov[d2:, d2:])
    mean2 = (X - WORLD.b - WORLD.W @ WORLD.c) @ gain.T
    np.testing.assert_allclose(found.mu[:, :d2], mean2, atol=1e-12)  # E[z2|x]; linear: exact
    cov12 = WORLD.cov1 @ WORLD.W.T
    mean1 = WORLD.c + (X - WORLD.b - WORLD.W @ WORLD.c) @ (np.linalg.inv(cov[d2:, d2:]) @ cov12.T)
    np.testing.assert_allclose(found.mu[:, d2:], mean1, atol=1e-12)  # E[z1|x]


@structures
def test_samples_of_the_prior_have_its_moments_and_the_middle_is_reached_without_noise(make):
    """Of 40,000 draws: 5 standard errors of a covariance."""
    vae = make(WORLD)
    z1 = vae.latents.sample(noise(vae, 1, 40_000))[0].numpy()
    assert np.abs(z1.mean(0) - WORLD.c).max() < 5 * (WORLD.cov1.max() / 40_000) ** 0.5
    assert np.abs(np.cov(z1.T) - WORLD.cov1).max() < 5 * WORLD.cov1.max() * (2 / 40_000) ** 0.5
    z2 = np.random.default_rng(0).normal(size=(4, 2))
    middle = vae.latents.complete(torch.from_numpy(z2))
    np.testing.assert_allclose(middle.numpy(), z2 @ WORLD.V.T + WORLD.c, rtol=1e-12)
    np.testing.assert_allclose(
        vae.decode_top(torch.from_numpy(z2)[None]).mean[0],
        middle.numpy() @ WORLD.W.T + WORLD.b,
        rtol=1e-12,
    )


def test_layers_of_one_size_get_noise_of_their_own():
    x = torch.zeros(500, 3)
    draw = ChunkNoise(Noise(0, "latent"), x, "val", 0)
    top, below = (draw(0, (4,), *layer).flatten() for layer in ((), (1,)))
    assert abs(float(torch.corrcoef(torch.stack([top, below]))[0, 1])) < 5 / 2000**0.5
    assert draw(0, (4,)).flatten().equal(top)


@pytest.mark.parametrize("latents", ["chain", "ladder"])
@pytest.mark.parametrize("posterior", ["normal", "full_normal", "iaf"])
def test_one_layer_is_flat_to_the_bit(latents, posterior):
    settings = {
        "data": "digits",
        "model": "mlp_vae",
        "model.latent_dim": 3,
        "model.encoder.hidden": [8],
        "model.decoder.hidden": [8],
        "posterior": posterior,
        "logger": "csv",
    }
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    eps = (torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1)),)
    found = []
    for more in ({}, {"latents": latents, "latents.below": []}):
        lit, _ = build(**{**settings, **more})
        trace = lit.vae(x, eps)
        (trace.rate.mean() - trace.log_px.mean()).backward()
        found.append(
            [
                trace.log_px,
                trace.rate,
                trace.log_w(),
                *(p.grad for p in lit.vae.parameters()),
                lit.vae.encode(x).mean,
                lit.vae.reconstruct(x),
                lit.vae.latents.sample(eps),
            ]
        )
    assert len(found[0]) == len(found[1])
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"latents.below": [0]}, "latents.below must be a positive integer"),
        (
            {"latents.hidden": [[8], [8], [8]]},
            "latents.hidden must be a list of widths, or 2 such",
        ),
        ({"latents.hidden": [-1]}, "latents.hidden must be a positive integer"),
        ({"latents.activation": "sin"}, "latents.activation must be one of"),
        ({"latents": "ladder", "latents.merge": "sum"}, "latents.merge must be one of precision"),
        ({"latents": "ladder", "posterior": "laplace"}, "use posterior=normal, or latents=chain"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(settings, says):
    basis = {"data": "digits", "logger": "csv", "latents": "chain", "latents.below": [3, 4]}
    with pytest.raises(ConfigError, match=says) as caught:
        build(**{**basis, **settings})
    assert "\n" not in str(caught.value)


def test_below_a_layer_that_was_drawn_from_it_there_is_no_closed_rate():
    """KL(q(z1|x) || p(z1|z2)) at z2 ~ q(z2|z1) would have another mean."""
    vae = exact_chain(WORLD)
    trace = vae(torch.from_numpy(X), noise(vae, 20_000))
    _, bottom = trace.latents
    wrong = bottom.q.kl(bottom.p).mean(0)
    assert ((wrong - layer_rate(bottom).mean(0)).abs() > 0.05).all()


@structures
def test_each_layer_has_free_bits_of_its_own(make):
    vae = make(WORLD, shift=0.3)
    trace = vae(torch.from_numpy(X), noise(vae, 3))
    top, bottom = (layer_rate(layer).mean().item() for layer in trace.latents)
    low, high = sorted((top, bottom))
    assert low < high - 0.1
    between = (low + high) / 2
    charged = FreeBits(1.0, Constant(), between, None).charge(trace)
    np.testing.assert_allclose(charged, between + high, rtol=1e-12)
    assert FreeBits(1.0, Constant(), 0.0, None).charge(trace).item() == pytest.approx(top + bottom)


def test_free_bits_by_dimension_are_a_ladder_s_alone():
    vae = STRUCTURES["precision"](WORLD, shift=0.3)
    trace = vae(torch.from_numpy(X), noise(vae, 1))
    by_dim = [layer.q.factors(layer.p).flatten(0, -2).mean(0) for layer in trace.latents]
    wanted = sum(kl.clamp(min=0.4).sum() for kl in by_dim)
    torch.testing.assert_close(FreeBits(1.0, Constant(), 0.4, 1).charge(trace), wanted)
    vae = exact_chain(WORLD)
    trace = vae(torch.from_numpy(X), noise(vae, 1))
    with pytest.raises(ConfigError, match="latents=chain does not have below the top: use obj"):
        FreeBits(1.0, Constant(), 0.4, 1).charge(trace)


@pytest.mark.parametrize("gradient", ["stl", "dreg", "piwae"])
def test_gradients_that_are_defined_for_one_layer_are_refused(gradient):
    vae = exact_chain(WORLD)
    trace = vae(torch.from_numpy(X), noise(vae, 2))
    with pytest.raises(
        ConfigError, match=rf"objective\.gradient={gradient} needs a model with on"
    ):
        Bound(k=2, gradient=gradient)(trace, 0, 1.0)
    found = Bound(k=2)(trace, 0, 1.0).value.item()
    assert found == pytest.approx(-WORLD.log_evidence(X).mean(), rel=1e-10)


def test_scores_of_each_layer_are_means_over_the_examples():
    rng = np.random.default_rng(0)
    columns = torch.from_numpy(rng.normal(size=(7, 50)).T.copy()).T
    mu = torch.from_numpy(rng.normal(size=(50, 5)) * [1, 0.01, 1, 1, 0.01])
    rates = torch.from_numpy(rng.gamma(2, size=(50, 2)))
    seen = Evidence(*columns[:4], columns[4], *columns[5:], mu, rates)
    scores = Scores(5, True, False, layer_sizes=(2, 3))
    for part in (slice(0, 20), slice(20, 50)):
        scores.update(
            Evidence(**{f: value[part] for f, value in vars(seen).items() if value is not None})
        )
    found = scores.compute()
    np.testing.assert_allclose(found["rate_z2"], rates[:, 0].mean(), rtol=1e-12)
    np.testing.assert_allclose(found["rate_z1"], rates[:, 1].mean(), rtol=1e-12)
    names = ("active_units_z2", "active_units_z1", "active_units")
    assert [found[name] for name in names] == [1, 2, 3]


def test_a_score_of_a_layer_is_described_by_that_of_all():
    row, whole = find_metric("latents.layers.rate_z2"), find_metric("val/rate")
    assert (row.unit, row.better) == (whole.unit, whole.better)
    assert row.title == "Rate of z2"
    assert find_metric("test/active_units_z1_se").title == "Active units of z1"
    assert find_metric("val/bpd_z1") is None
