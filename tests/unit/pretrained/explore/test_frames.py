"""Frames tell what is missing from what is 0."""

import math

import numpy as np
import pytest
import torch

from vael.data.preprocess import Preprocess
from vael.pretrained.explore.frames import draw_frames
from vael.types import DataSpec

HOLES = (("train", 1.0), ("val", 1.0), ("test", 1.0))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_missing_pixel_is_clear_and_a_dark_one_is_not(channels):
    x = torch.zeros(1, channels, 2, 2)
    x[:, 3:] = 1
    x[0, 0, 0, 1] = torch.nan
    for observed, wanted in ((HOLES, [255, 0, 255, 255]), ((), [255] * 4)):
        spec = DataSpec((channels, 2, 2), 256, "unit", 1, 1, 1, observed=observed)
        frame = np.frombuffer(draw_frames(x, spec, Preprocess(levels=256)), np.uint8)
        assert frame.reshape(4, 4)[:, 3].tolist() == wanted
        assert not frame.reshape(4, 4)[:, :3].any()


@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_a_missing_value_is_nan_and_what_is_infinite_is_the_mean(shape):
    x = torch.tensor([0.0, torch.nan, torch.inf, 2.0]).reshape(1, *shape)
    preprocess = Preprocess(shift=torch.tensor(5.0), scale=torch.tensor(3.0))
    spec = DataSpec(shape, None, "real", 1, 1, 1, observed=HOLES)
    found = np.frombuffer(draw_frames(x, spec, preprocess), "<f4").tolist()
    assert math.isnan(found[1])
    assert [found[0], *found[2:]] == [5, 5, 11]
    whole = DataSpec(shape, None, "real", 1, 1, 1)
    assert np.frombuffer(draw_frames(x, whole, preprocess), "<f4").tolist() == [5, 5, 5, 11]
