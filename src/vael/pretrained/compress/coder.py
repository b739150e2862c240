"""Bits-back coding of blocks of examples on a stack of words (asymmetric numeral systems)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vael.errors import ConfigError, DataError
from vael.pretrained.compress.bins import BITS, SPLIT, Ints
from vael.pretrained.compress.codec import Codec
from vael.pretrained.compress.weights import PRECISION, count_bits, round_to_weights

Words = npt.NDArray[np.uint32]
TYPICAL = BITS + 4  # bits that a latent takes off the stack, seldom more
STATE = 2  # words of the stack's own state


@dataclass(frozen=True)
class Message:
    """Hold coded examples.

    Attributes:
        words: without the initial ones that were never needed.
        sizes: examples of each block, in the order in which they were coded.
        kept: initial words below ``words``, which the decoder makes itself.
        initial: bits of the initial words that are in ``words``: they carry nothing.
        bound: -ELBO of the examples in bits, at the z that were drawn.
    """

    words: Words
    sizes: tuple[int, ...]
    kept: int
    initial: int
    bound: float


def encode_blocks(codec: Codec, k: Ints, tick: Callable[[int], object]) -> Message:
    """Code examples, bits back (Townsend et al. 2019, https://arxiv.org/abs/1901.04866).

    For each block: take z off the stack by q(z|x), put x on by p(x|z), put z on by p(z). Its
    length grows by ``-log2 p(x|z) - log2 p(z) + log2 q(z|x)``, -ELBO in expectation. The first
    z are taken off initial words, so blocks grow from one example with the stack.

    Args:
        codec: the model.
        k: level numbers, ``(N, D)``.
        tick: told the number of examples of each block.
    """
    first = initial_words(codec.latents)
    coder = open_stack(first)
    least, at, bound, sizes = len(first), 0, 0.0, list[int]()
    while at < len(k):
        spare = coder.num_bits() - 32 * least
        size = min(codec.rows, len(k) - at, max(1, spare // (TYPICAL * codec.latents)))
        while True:
            tried = coder.clone()
            block = k[at : at + size]
            bins, taken = _take_latents(tried, codec, block)
            if tried.num_words() > STATE:
                break
            if size == 1:
                raise ConfigError(
                    "q(z|x) of an example needs more bits than all examples before have left: "
                    "the posterior is far wider than the prior; train it longer."
                )
            size //= 2
        coder = tried
        least = min(least, coder.num_words() - STATE)
        put = _put_examples(coder, codec, block, bins)
        coder.encode_reverse(bins, _uniform())
        bound += put + BITS * len(bins) - taken
        sizes.append(size)
        at += size
        tick(size)
    words = coder.get_compressed()
    return Message(words[least:], tuple(sizes), least, 32 * (len(first) - least), bound)


def decode_blocks(
    codec: Codec, message: Message, count: int, tick: Callable[[int], object]
) -> Ints:
    """Return the level numbers ``(N, D)`` of a message: all the steps backwards.

    Raises:
        DataError: the initial words do not come back, so the examples would be wrong.
    """
    first = initial_words(codec.latents)
    coder = open_stack(np.concatenate([first[: message.kept], message.words]))
    k, end = np.empty((count, codec.size), np.int32), count
    for size in reversed(message.sizes):
        bins = coder.decode(_uniform(), size * codec.latents)
        block = k[end - size : end]
        block[:] = _take_examples(coder, codec, bins, size)
        _put_latents(coder, codec, block, bins)
        end -= size
        tick(size)
    if not np.array_equal(coder.get_compressed(), first):
        raise DataError("the words do not decode: the model gives other probabilities now.")
    return k


def initial_words(latents: int) -> Words:
    """Return as many words as the latents of one example can ever take, always the same."""
    count = STATE + 1 + -(-2 * PRECISION * latents // 32)
    words = np.frombuffer(hashlib.shake_256(b"vael").digest(4 * count), "<u4").astype(np.uint32)
    words[-1] |= 1  # the stack must not end in a zero
    return words


def open_stack(words: Words) -> Any:
    """Return constriction's stack (MIT licence; Bamler 2022, https://arxiv.org/abs/2201.01741)."""
    import constriction

    return constriction.stream.stack.AnsCoder(words)


def _uniform() -> Any:
    import constriction

    return constriction.stream.model.Uniform(2**BITS)


def _tables() -> Any:
    import constriction

    return constriction.stream.model.Categorical(perfect=False)


def _take_latents(coder: Any, codec: Codec, block: Ints) -> tuple[Ints, float]:
    """Take the bins of z off the stack by q(z|x); return them and how many bits they are."""
    mean, sigma = codec.posterior(block)
    weights = round_to_weights(codec.bins.coarse_masses(mean, sigma))
    coarse = coder.decode(_tables(), weights)
    bits = count_bits(weights, coarse)
    weights = round_to_weights(codec.bins.fine_masses(mean, sigma, coarse))
    fine = coder.decode(_tables(), weights)
    return coarse * SPLIT + fine, bits + count_bits(weights, fine)


def _put_latents(coder: Any, codec: Codec, block: Ints, bins: Ints) -> None:
    """Put the bins of z back by q(z|x)."""
    mean, sigma = codec.posterior(block)
    coarse, fine = (part.astype(np.int32) for part in np.divmod(bins, SPLIT))
    weights = round_to_weights(codec.bins.fine_masses(mean, sigma, coarse))
    coder.encode_reverse(fine, _tables(), weights)
    coder.encode_reverse(
        coarse, _tables(), round_to_weights(codec.bins.coarse_masses(mean, sigma))
    )


def _put_examples(coder: Any, codec: Codec, block: Ints, bins: Ints) -> float:
    """Put examples on the stack by p(x|z), the last stage first; return how many bits they are."""
    masses, bits = codec.masses(bins), 0.0
    padded = np.zeros((codec.rows, codec.size), np.int32)
    padded[: len(block)] = block
    for stage in reversed(range(len(masses.stages))):
        weights = round_to_weights(masses.table(stage, padded)[: len(block)].flatten(0, 1))
        symbols = np.ascontiguousarray(block[:, masses.stages[stage]]).ravel()
        coder.encode_reverse(symbols, _tables(), weights)
        bits += count_bits(weights, symbols)
    return bits


def _take_examples(coder: Any, codec: Codec, bins: Ints, size: int) -> Ints:
    """Take ``size`` examples off the stack by p(x|z), ``(size, D)``."""
    masses = codec.masses(bins)
    seen = np.zeros((codec.rows, codec.size), np.int32)
    for stage, place in enumerate(masses.stages):
        weights = round_to_weights(masses.table(stage, seen)[:size].flatten(0, 1))
        seen[:size, place] = coder.decode(_tables(), weights).reshape(size, -1)
    return seen[:size]
