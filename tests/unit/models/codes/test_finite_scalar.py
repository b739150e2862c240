"""Codes on a fixed grid: its size, its order, its gradient."""

import itertools
import math

import pytest
import torch

from vael.errors import ConfigError
from vael.models.codes import FiniteScalarQuantizer, Quantizer

LEVELS = [[2], [3, 2], [5, 4, 3], [8, 5, 5, 5]]


def values(level):
    """Where its levels lie: Mentzer et al. 2023, Appendix A.1."""
    return [(i - level // 2) / (level // 2) for i in range(level)]


@pytest.mark.parametrize("levels", LEVELS)
def test_the_grid_is_the_product_of_the_levels(levels):
    quantizer = FiniteScalarQuantizer(levels)
    assert quantizer.num_codes == math.prod(levels)
    wanted = [point[::-1] for point in itertools.product(*map(values, levels[::-1]))]
    grid = quantizer.look_up(torch.arange(quantizer.num_codes))
    torch.testing.assert_close(grid, torch.tensor(wanted, dtype=grid.dtype))
    assert torch.equal(quantizer.find(grid), torch.arange(quantizer.num_codes))


@pytest.mark.parametrize("levels", LEVELS)
def test_every_code_can_be_reached_and_is_its_own(levels):
    quantizer = FiniteScalarQuantizer(levels)
    axis = torch.linspace(-4, 4, 41)
    z = torch.cartesian_prod(*[axis] * len(levels)).reshape(-1, len(levels))
    found = quantizer(z)
    assert len(found.codes.unique()) == quantizer.num_codes
    assert torch.equal(found.vectors, quantizer.look_up(found.codes))
    assert found.penalty is None


def test_zero_is_in_the_middle_and_the_ends_are_levels():
    quantizer = FiniteScalarQuantizer([5, 4])
    z = torch.tensor([[0.0, 0.0], [-99.0, -99.0], [99.0, 99.0]])
    assert quantizer(z).vectors.tolist() == [[0, 0], [-1, -1], [1, 0.5]]


def test_the_gradient_is_that_of_the_bound():
    """d/dz h tanh(z + s) / floor(L / 2), with the rounding left out."""
    quantizer = FiniteScalarQuantizer([5])
    z = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None].requires_grad_()
    quantizer(z).vectors.sum().backward()
    half = 4 * (1 + 1e-3) / 2
    torch.testing.assert_close(z.grad, half / 2 / torch.cosh(z.detach()) ** 2)


@pytest.mark.parametrize("levels", [[3, 4], [8, 5, 5, 5]])  # it has other values for 2 levels
def test_another_package_agrees(levels):
    """vector-quantize-pytorch 1.32, codes and values to the bit."""
    other = pytest.importorskip("vector_quantize_pytorch")
    z = 2 * torch.randn(500, len(levels), generator=torch.Generator().manual_seed(0))
    theirs, codes = other.FSQ(levels)(z[None])
    found = FiniteScalarQuantizer(levels)(z)
    assert torch.equal(found.codes, codes[0].long())
    assert torch.equal(found.vectors, theirs[0])


@pytest.mark.parametrize("levels", [[], [8, 1], [2.5], [True, 3]])
def test_levels_that_are_none_are_refused(levels):
    with pytest.raises(ConfigError, match="whole numbers of at least 2"):
        FiniteScalarQuantizer(levels)


def test_too_many_codes_are_refused():
    with pytest.raises(
        ConfigError, match=r"latents.levels=\[256, 256.*at most 16,777,216 codes.*makes 1,099"
    ):
        FiniteScalarQuantizer([256] * 5)


@pytest.mark.parametrize("levels", [[2], [8, 5, 3], [4, 7]])
def test_the_nearest_code_is_that_of_a_search_over_all(levels):
    vectors = 3 * torch.rand(500, len(levels), generator=torch.Generator().manual_seed(0)) - 1.5
    quantizer = FiniteScalarQuantizer(levels)
    assert torch.equal(quantizer.find(vectors), Quantizer.find(quantizer, vectors))


def test_the_nearest_of_the_most_codes_is_found_without_a_list_of_all():
    quantizer = FiniteScalarQuantizer([8] * 8)
    codes = torch.tensor([0, 5, 8**8 - 1])
    assert torch.equal(quantizer.find(quantizer.look_up(codes)), codes)
