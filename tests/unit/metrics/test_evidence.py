"""In the linear-Gaussian world with its exact posterior, every bound is log p(x) itself."""

import numpy as np
import pytest
import torch
from oracles.exact_vae import exact_vae
from oracles.linear_gaussian import LinearGaussian

from vael.metrics import evidence as module
from vael.metrics.chunk_noise import ChunkNoise
from vael.metrics.evidence import samples_per_pass, weigh
from vael.models.posteriors.full_normal import FullNormal
from vael.randomness import Noise

WORLD = LinearGaussian.draw(num_dims=5, latent_dim=2)
X = WORLD.sample(7)


def eps(number, shape):
    g = torch.Generator().manual_seed(number)
    return torch.randn(len(X), *shape, dtype=torch.float64, generator=g)


@pytest.fixture(scope="module")
def vae():
    return exact_vae(WORLD, FullNormal).eval().requires_grad_(False)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_the_importance_weighted_bound_is_the_evidence(vae, k):
    found = weigh(vae, torch.from_numpy(X), eps, samples=k, levels=None).evidence
    np.testing.assert_allclose(found.iwae, WORLD.log_evidence(X), rtol=1e-10)
    assert found.bits is None


def test_elbo_is_minus_distortion_minus_rate_and_mu_the_posterior_mean(vae):
    found = weigh(vae, torch.from_numpy(X), eps, samples=6, levels=None).evidence
    A, cov = WORLD.posterior_map()
    mean = (X - WORLD.b) @ A.T
    np.testing.assert_allclose(found.elbo, -found.distortion - found.rate, rtol=1e-12)
    np.testing.assert_allclose(found.rate, WORLD.kl(mean, cov), rtol=1e-10)
    np.testing.assert_allclose(found.mu, mean, rtol=1e-10)


@pytest.mark.parametrize("decoded", [3, 1])  # z of all 7 samples at once, and of 2
def test_the_memory_at_hand_does_not_change_the_numbers(vae, monkeypatch, decoded):
    whole = weigh(vae, torch.from_numpy(X), eps, samples=7, levels=None).evidence
    monkeypatch.setattr(module, "FLOATS_PER_PASS", decoded * len(X) * 5 * module.FLOATS_PER_DIM)
    parts = weigh(vae, torch.from_numpy(X), eps, samples=7, levels=None).evidence
    for name in ("elbo", "iwae", "mse", "distortion"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12)


def test_a_likelihood_with_many_parameters_is_decoded_in_smaller_passes():
    few, many = (samples_per_pass(100, 784, 1000, 784 * n) for n in (1, 256))
    assert few == samples_per_pass(100, 784, 1000) > 1
    assert many == 1
    # float32, three tensors of the size of the decoder's output, must stay under 1 GB
    assert 3 * 4 * many * 100 * 784 * 256 < 1e9 < 3 * 4 * few * 100 * 784 * 256


def test_the_noise_of_a_chunk_hangs_on_split_chunk_and_sample_alone():
    x, noise, told = torch.from_numpy(X), Noise(5, "latent"), []
    draw = ChunkNoise(noise, x, "test", 3, tick=told.append)
    last, first = draw(1, (2,)), draw(0, (2,))
    fresh = Noise(5, "latent").at(x.device, "test", 3, 1)
    assert last.equal(torch.randn(len(x), 2, generator=fresh))
    assert first.equal(ChunkNoise(Noise(5, "latent"), x, "test", 3)(0, (2,)))
    assert told == [len(x), len(x)]


def test_samples_of_one_key_are_the_same_whatever_is_asked_for():
    """Alone, in order, for fewer examples: each of a key's 32 samples has its place."""
    x, noise = torch.from_numpy(X), Noise(5, "latent")
    draw = ChunkNoise(noise, x, "test", 3, drawn=100, per_key=32)
    every = torch.stack([draw(s, (2,)) for s in range(70)])
    for sample in (69, 0, 31, 32):
        fewer = ChunkNoise(noise, x[:3], "test", 3, drawn=100, per_key=32)(sample, (2,))
        assert fewer.equal(every[sample, :3])
    whole = torch.randn(32, 100, 2, generator=Noise(5, "latent").at(x.device, "test", 3, 1))
    assert every[32:64].equal(whole[:, : len(x)])
    assert len(every.flatten().unique()) == every.numel()  # no draw is used twice


@pytest.mark.parametrize("per_key", [1, 4, 32])
def test_samples_drawn_as_a_block_are_those_drawn_one_by_one(per_key):
    """Blocks that begin and end within a key, that are a part of one, and that span several."""
    x, noise, told = torch.from_numpy(X), Noise(5, "latent"), []
    draw = ChunkNoise(noise, x, "test", 3, per_key=per_key, tick=told.append)
    for numbers in (range(3, 11), range(5, 7), range(0, 33)):
        for layer in (0, 1):
            block = draw.block(numbers, (2, 3), layer)
            each = ChunkNoise(noise, x, "test", 3, per_key=per_key)
            assert block.equal(torch.stack([each(s, (2, 3), layer) for s in numbers]))
    assert sum(told) == len(x) * (8 + 2 + 33)


def test_examples_keep_their_noise_where_more_are_drawn_for():
    x, noise = torch.from_numpy(X), Noise(5, "latent")
    some = ChunkNoise(noise, x[:3], "test", 0, drawn=100)(0, (2,))
    assert ChunkNoise(noise, x, "test", 0, drawn=100)(0, (2,))[:3].equal(some)
