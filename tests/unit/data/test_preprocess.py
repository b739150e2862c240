from math import sqrt

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from vael.data.preprocess import Preprocess, column_moments, uniform_levels
from vael.data.source import Arrays
from vael.errors import ConfigError

LEVELS = [2, 3, 17, 256]


def all_levels(levels):
    return torch.arange(levels, dtype=torch.uint8)


@pytest.mark.parametrize("levels", LEVELS)
def test_none_is_exactly_k_over_levels_minus_one(levels):
    made = Preprocess("none", levels)
    expected = (np.arange(levels, dtype=np.float64) / (levels - 1)).astype(np.float32)
    x = made(all_levels(levels))
    assert x.dtype == torch.float32
    np.testing.assert_array_equal(x.numpy(), expected)
    assert made.levels == levels


@pytest.mark.parametrize("levels", LEVELS)
def test_threshold_cuts_at_one_half(levels):
    made = Preprocess("threshold", levels)
    expected = [float(2 * k >= levels - 1) for k in range(levels)]
    assert made(all_levels(levels)).tolist() == expected
    assert made.levels == 2


@pytest.mark.parametrize("levels", LEVELS)
def test_stochastic_is_one_with_probability_k_over_levels_minus_one(levels):
    # Each level a z-test at 5.5 sigma: a failure rate of 4e-8 a level, 1e-5 for 256 of them.
    draws = 40_000
    x = all_levels(levels)[:, None].expand(levels, draws)
    ones = Preprocess("stochastic", levels)(x, torch.Generator().manual_seed(1)).double().mean(1)
    p = torch.arange(levels).double() / (levels - 1)
    z = (ones - p) / (p * (1 - p) / draws).sqrt().clamp_min(1e-12)
    assert z[1:-1].abs().max() < 5.5 if levels > 2 else True
    assert ones[0] == 0  # exactly, not almost
    assert ones[-1] == 1


def test_the_frequency_test_rejects_the_usual_shortcut():
    # bytes 0..255 against k, as if 256 were 255: P(x=1 | 255) = 255/256, seen within 4000 draws
    x = torch.full((4000,), 255, dtype=torch.uint8)
    byte = torch.randint(256, x.shape, generator=torch.Generator().manual_seed(0))
    assert (byte < x).float().mean() < 1


def chi_square(u, steps):
    return chisquare(np.bincount(u.numpy(), minlength=steps)).pvalue


@pytest.mark.parametrize("steps", [2, 16, 100, 129, 254, 255])
def test_the_levels_below_which_a_pixel_is_one_are_uniform(steps):
    # A chi-square test of 2 million draws; a failure rate of 1e-6.
    u = uniform_levels(steps, torch.Size((2_000_001,)), torch.Generator().manual_seed(steps))
    assert u.dtype == torch.uint8
    assert int(u.max()) == steps - 1
    assert chi_square(u, steps) > 1e-6


def test_one_step_is_always_below():
    assert not uniform_levels(1, torch.Size((999,)), torch.Generator().manual_seed(0)).any()


@pytest.mark.parametrize("steps", [100, 129, 254, 255])
def test_the_chi_square_test_rejects_bytes_that_are_not_drawn_again(steps):
    generator = torch.Generator().manual_seed(0)
    byte = torch.randint(256, (2_000_001,), generator=generator)
    assert chi_square(byte % steps, steps) < 1e-6


def test_stochastic_pixels_are_independent():
    x = torch.full((20_000, 8), 128, dtype=torch.uint8)
    y = Preprocess("stochastic", 256)(x, torch.Generator().manual_seed(2))
    correlation = torch.corrcoef(y.T) - torch.eye(8)
    assert correlation.abs().max() < 5.5 / sqrt(20_000)


def test_the_generator_decides_the_draw_and_nothing_else_does():
    made = Preprocess("stochastic", 256)
    x = torch.randint(0, 256, (16, 1, 8, 8), dtype=torch.uint8)
    first = made(x, torch.Generator().manual_seed(3))
    torch.rand(100)
    assert torch.equal(first, made(x, torch.Generator().manual_seed(3)))
    assert not torch.equal(first, made(x, torch.Generator().manual_seed(4)))
    used = torch.Generator().manual_seed(5)
    assert not torch.equal(made(x, used), made(x, used))  # fresh for each draw


@pytest.mark.parametrize("mode", ["none", "threshold"])
def test_the_other_modes_leave_the_generator_alone(mode):
    generator = torch.Generator().manual_seed(6)
    before = generator.get_state()
    Preprocess(mode, 256)(all_levels(256), generator)
    assert torch.equal(generator.get_state(), before)


def test_an_empty_batch_passes():
    empty = torch.zeros(0, 1, 8, 8, dtype=torch.uint8)
    for mode in ("none", "threshold", "stochastic"):
        assert Preprocess(mode, 17)(empty, torch.Generator()).shape == empty.shape


def test_a_table_is_standardised_and_restored():
    x = np.random.default_rng(0).normal([5.0, -2.0, 1e4], [0.1, 3.0, 50.0], (500, 3))
    x = x.astype(np.float32)
    index = np.arange(100, 400)
    made = Preprocess("none", None, *column_moments(Arrays(x), index)[:2])
    y = made(torch.from_numpy(x))
    np.testing.assert_allclose(y[100:400].mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(y[100:400].std(0, correction=0), 1, rtol=1e-3)
    np.testing.assert_allclose(made.restore(y), x, rtol=1e-5)
    assert set(made.state_dict()) == {"shift", "scale"}
    assert not list(made.parameters())


def test_moments_in_blocks_equal_numpys():
    x = np.random.default_rng(1).gamma(2.0, 3.0, (70_000, 2)).astype(np.float32)
    index = np.random.default_rng(2).permutation(70_000)[:66_000]
    mean, std, _ = column_moments(Arrays(x), index)
    np.testing.assert_allclose(mean, x[index].astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(std, x[index].astype(np.float64).std(0), rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 7.1, 1e-9, 1e30])
def test_a_constant_column_becomes_zero(value):
    x = np.full((9, 1), value, dtype=np.float32)
    y = Preprocess("none", None, *column_moments(Arrays(x), np.arange(9))[:2])(torch.from_numpy(x))
    np.testing.assert_allclose(y, 0, atol=1e-6 * value)


@pytest.mark.parametrize(
    ("mode", "levels", "match"),
    [
        ("binary", 256, "data.binarize must be one of none, threshold, stochastic, got 'binary'"),
        ("threshold", None, "data.binarize=threshold needs data with levels"),
        ("stochastic", None, "set data.binarize=none"),
    ],
)
def test_what_cannot_be_binarised_is_refused(mode, levels, match):
    with pytest.raises(ConfigError, match=match):
        Preprocess(mode, levels)
