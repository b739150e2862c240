"""Bits-back coding: what goes in comes out, and its length is -ELBO."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_models import build_small_vae, draw_levels

from vael.errors import ConfigError, DataError
from vael.metrics.evidence import weigh
from vael.pretrained.compress.codec import Codec, one_thread
from vael.pretrained.compress.coder import decode_blocks, encode_blocks, initial_words

CASES = [
    ("beta_binomial", (1, 4, 4), 17),
    ("bernoulli", (1, 4, 4), 2),
    ("categorical", (1, 4, 4), 17),
    ("gaussian", (1, 4, 4), 17),
    ("logistic_mixture", (3, 2, 2), 5),
]


def coded(likelihood, shape, levels, count, extra=()):
    """Codec, examples and their message; all under one thread."""
    made = build_small_vae(likelihood, shape, levels, extra)
    codec = Codec(made.vae, shape, levels)
    k = draw_levels(count, shape, levels)
    return made, codec, k, encode_blocks(codec, k, lambda size: None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_examples_come_back_to_the_last_level(case):
    with one_thread():
        _, codec, k, message = coded(*case, 80)
        ticks = []
        found = decode_blocks(codec, message, len(k), ticks.append)
    assert np.array_equal(found, k)
    assert sum(ticks) == sum(message.sizes) == 80
    assert message.sizes[0] == 1  # the first z is all that takes initial bits
    assert max(message.sizes) > 4


@pytest.mark.parametrize("case", CASES[:2], ids=lambda case: case[0])
def test_the_length_is_minus_the_elbo(case):
    """Against 40 other draws of q per example; wrong with probability 1e-6 (5 errors)."""
    samples = 40
    with one_thread():
        made, _, k, message = coded(*case, 200)
        x = torch.from_numpy(k).float().reshape(-1, *case[1]) / (case[2] - 1)
        noise = torch.Generator().manual_seed(3)

        def eps(number, shape):
            return torch.randn(len(x), *shape, generator=noise)

        scores = weigh(made.vae, x, eps, samples, case[2])
        single = torch.stack(
            [weigh(made.vae, x, eps, 1, case[2]).evidence.iwae for _ in range(samples)]
        )
    spread = float(single.std(0).square().sum().sqrt()) / math.log(2)  # of one draw each
    wanted = -float(scores.evidence.elbo.sum()) / math.log(2)
    assert abs(message.bound - wanted) < 5 * spread * math.sqrt(1 + 1 / samples)
    carried = 32 * len(message.words) - message.initial
    # rounding: half a word of the state; 24 bits of a probability; nothing else
    assert abs(carried - message.bound) < 64 + 1e-3 * message.bound


def test_only_the_first_examples_take_initial_bits():
    with one_thread():
        _, codec, _, short = coded(*CASES[0], 1)
        _, _, _, long = coded(*CASES[0], 300)
    assert 0 < short.initial == long.initial <= 32 * len(initial_words(codec.latents))


def test_a_posterior_narrower_or_shifted_against_a_prior_of_its_own_makes_no_difference():
    """The bins are in units of the prior, whatever it is."""
    with one_thread():
        made, _, k, plain = coded(*CASES[0], 60)
        codec = Codec(made.vae, made.spec.event_shape, made.spec.levels)
        codec.prior_mean, codec.prior_sigma = np.full(3, 0.7), np.full(3, 2.0)
        message = encode_blocks(codec, k, lambda size: None)
        assert np.array_equal(decode_blocks(codec, message, 60, lambda size: None), k)
    assert message.bound != plain.bound


@pytest.mark.parametrize("place", [0, 10, -1])
def test_changed_words_do_not_bring_the_initial_ones_back(place):
    with one_thread():
        _, codec, _, message = coded(*CASES[0], 80)
        words = message.words.copy()
        words[place] ^= 4
        with pytest.raises(DataError, match="do not decode"):
            decode_blocks(codec, replace(message, words=words), 80, lambda size: None)


def test_other_rows_are_another_file():
    """Why the header has them: sums of other shapes end in other bits."""
    with one_thread():
        made, codec, _, _ = coded(*CASES[0], 1)
        other = Codec(made.vae, made.spec.event_shape, made.spec.levels, rows=1)
        assert codec.rows == 64
        assert codec.probe() == Codec(made.vae, made.spec.event_shape, 17).probe()
        assert codec.probe() != other.probe()
        assert codec.digest() == other.digest()


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (("posterior=full_normal",), "posterior whose dimensions are independent normals"),
        (("posterior=laplace",), "posterior whose dimensions are independent normals"),
        (("prior=mixture",), "prior whose dimensions are independent normals"),
    ],
)
def test_other_latents_are_refused(extra, words):
    made = build_small_vae(extra=extra)
    with pytest.raises(ConfigError, match=words):
        Codec(made.vae, made.spec.event_shape, made.spec.levels)


def test_data_without_levels_and_too_many_levels_are_refused():
    made = build_small_vae("gaussian")
    with pytest.raises(ConfigError, match="needs data with levels"):
        Codec(made.vae, (1, 4, 4), None)
    with pytest.raises(ConfigError, match="at most 268,435,456 numbers"):
        Codec(made.vae, (1, 128, 128), 65536)


def test_diverged_weights_are_one_line():
    made = build_small_vae("gaussian", (1, 2, 2))
    with one_thread():
        codec = Codec(made.vae, (1, 2, 2), 17)
        for weight in made.vae.latents.posterior.parameters():
            weight.fill_(torch.nan)
        with pytest.raises(ConfigError, match="weights have diverged"):
            codec.posterior(draw_levels(2, (1, 2, 2)))


def test_the_number_of_threads_is_as_it_was():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
