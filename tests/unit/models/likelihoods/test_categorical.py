"""The categorical likelihood against scipy's log_softmax in float64."""

import numpy as np
import pytest
import scipy.special
import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.likelihoods.categorical import Categorical

SIZES = (0.0, 1e-4, 1.0, 10.0, 30.0, 300.0)
LEVELS = (2, 17, 50, 256)  # with 50, k / 49 * 49 is not k


def logits_of(levels: int, dtype: torch.dtype) -> Tensor:
    """(1, sizes, levels, 1): exact in float32; some of equal size with mixed signs."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(len(SIZES), levels, generator=generator)
    drawn[:, ::3] = drawn[:, ::3].sign()
    return (drawn * torch.tensor(SIZES).view(-1, 1)).to(dtype).view(1, len(SIZES), levels, 1)


def masses(levels: int, logits: Tensor) -> Tensor:
    """(sizes, levels): each level's log_mass."""
    px = Categorical((1,), levels)(logits)
    cells = [torch.full((len(SIZES), 1), k / (levels - 1)) for k in range(levels)]
    return torch.stack([px.log_mass(x)[0] for x in cells], -1)


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize(
    ("dtype", "rtol", "atol"), [(torch.float32, 4 * 2.0**-23, 2e-5), (torch.float64, 1e-14, 1e-13)]
)
def test_every_level_equals_scipy(levels: int, dtype: torch.dtype, rtol: float, atol: float):
    logits = logits_of(levels, dtype)
    wanted = scipy.special.log_softmax(logits[0, :, :, 0].double().numpy(), axis=-1)
    ours = masses(levels, logits)
    np.testing.assert_allclose(ours.double().numpy(), wanted, rtol=rtol, atol=atol)
    assert ((ours.exp().sum(-1) - 1).abs() < (1e-5 if dtype == torch.float32 else 1e-12)).all()


@pytest.mark.parametrize("levels", LEVELS)
def test_the_gradient_is_one_hot_minus_softmax(levels: int):
    logits = logits_of(levels, torch.float32).requires_grad_()
    k = torch.arange(len(SIZES)) % levels
    px = Categorical((1,), levels)(logits)
    px.log_mass((k / (levels - 1)).view(-1, 1)).sum().backward()
    softmax = scipy.special.softmax(logits.detach()[0, :, :, 0].double().numpy(), axis=-1)
    wanted = np.eye(levels)[k] - softmax
    np.testing.assert_allclose(logits.grad[0, :, :, 0].numpy(), wanted, rtol=0, atol=1e-6)


def test_a_draw_never_has_probability_zero():
    logits = torch.full((1, 1, 5, 1), -200.0)
    logits[..., 1:4, :] = 0.1
    px = Categorical((1,), 5)(logits)
    noise = torch.tensor([0.0, 2.0**-24, 0.5, 1 - 2.0**-24]).view(-1, 1, 1)
    assert (px.sample(noise).flatten() * 4).tolist() == [1, 1, 2, 3]


@pytest.mark.parametrize(
    ("levels", "fit", "says"),
    [
        (None, "auto", "likelihood=categorical needs data with levels"),
        (17, "density", "has no density, but got likelihood.fit=density"),
    ],
)
def test_what_it_cannot_be_is_refused(levels: int | None, fit: str, says: str):
    with pytest.raises(ConfigError, match=says):
        Categorical((1,), levels, fit=fit)


def test_65536_levels_are_refused_by_name():
    with pytest.raises(ConfigError, match=r"at most 1024, but this data has 65536 levels: use"):
        Categorical((1, 8, 8), 65536)
