"""Whole numbers in the place of probabilities: exact sums, and what a symbol really costs."""

import constriction
import numpy as np
import pytest
import torch

from vael.errors import ConfigError
from vael.pretrained.compress.weights import PRECISION, count_bits, round_to_weights

CODER = constriction.stream.stack.AnsCoder
TABLES = constriction.stream.model.Categorical(perfect=False)


def masses(levels, rows=200, power=1.0):
    torch.manual_seed(levels)
    return (power * torch.randn(rows, levels)).softmax(1)


@pytest.mark.parametrize("levels", [2, 17, 256, 1024])
@pytest.mark.parametrize("power", [1.0, 30.0])
def test_rows_sum_exactly_and_are_the_masses_within_a_ten_thousandth(levels, power):
    p = masses(levels, power=power)
    weights = round_to_weights(p)
    assert (weights.astype(np.int64) == weights).all()
    assert (weights >= 0).all()
    assert (weights.astype(np.int64).sum(1) == 2**PRECISION - levels).all()
    found = (weights + 1) / 2.0**PRECISION
    np.testing.assert_allclose(found, p, rtol=1e-4, atol=2**-16 + 2 * levels / 2**PRECISION)


@pytest.mark.parametrize("place", [0, 1, 255])
def test_a_symbol_without_mass_can_be_coded_and_costs_24_bits(place):
    """Even the last one after a sum that float32 rounds up, where the coder alone would stop."""
    p = torch.rand(300, 256) + 0.1
    p[:, place] = 0
    weights, symbols = round_to_weights(p), np.full(300, place, np.int32)
    assert count_bits(weights, symbols) == 300 * PRECISION
    coder = CODER(np.arange(1, 9, dtype=np.uint32))
    coder.encode_reverse(symbols, TABLES, weights)
    assert abs(coder.num_bits() - 8 * 32 - 300 * PRECISION) <= 64
    assert (coder.decode(TABLES, weights) == symbols).all()


def test_the_stack_grows_by_the_bits_that_are_counted():
    p = masses(17, rows=20000)
    weights = round_to_weights(p)
    symbols = torch.multinomial(p, 1)[:, 0].numpy().astype(np.int32)
    coder = CODER(np.arange(1, 9, dtype=np.uint32))
    coder.encode_reverse(symbols, TABLES, weights)
    bits = count_bits(weights, symbols)
    assert abs(coder.num_bits() - 8 * 32 - bits) <= 64
    wanted = -np.log2(np.take_along_axis(p.numpy(), symbols[:, None], 1)).sum()
    assert bits == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("bad", [0.0, torch.nan, torch.inf])
def test_masses_that_are_none_are_refused(bad):
    with pytest.raises(ConfigError, match="diverged"):
        round_to_weights(torch.full((2, 3), bad))
