"""Images whose values are no grey values: the line names the setting that trains on them."""

import re

import numpy as np
import pytest

from vael.data.sources import ArrayFile
from vael.errors import DataError

RNG = np.random.default_rng(0)
FIELDS = RNG.normal(size=(12, 1, 6, 5)).astype(np.float32)


@pytest.mark.parametrize(
    "x",
    [
        FIELDS,
        FIELDS[:, 0],
        (FIELDS * 1e4 + 5e5).transpose(0, 2, 3, 1),
        FIELDS.repeat(3, 1),
        np.clip(FIELDS, -1, 1),
        RNG.integers(-128, 128, (12, 6, 5)).astype(np.int8),
        RNG.integers(-5, 70_000, (12, 6, 5)),
        RNG.integers(0, 256, (12, 6, 6, 6), dtype=np.uint8),
        RNG.integers(0, 256, (12, 6, 2, 2, 2), dtype=np.uint8),
    ],
    ids=["standardised", "grey", "physical", "colour", "-1..1", "int8", "wide", "volume", "rank5"],
)
def test_what_is_no_grey_image_is_refused_with_the_shape_that_trains_it(tmp_path, x):
    path = tmp_path / "x.npy"
    np.save(path, x)
    with pytest.raises(DataError, match=r"as a table|as tables") as refused:
        ArrayFile(str(path)).decode()
    assert "\n" not in str(refused.value)
    found = re.search(r"data\.shape=\[(\d+|VALUES OF ONE EXAMPLE)\]", str(refused.value))
    size = x[0].size
    assert found is not None
    assert found[1] in (str(size), "VALUES OF ONE EXAMPLE")
    data = ArrayFile(str(path), shape=[size]).decode()
    assert data.levels is None
    np.testing.assert_array_equal(data.train.x, x.reshape(12, size).astype(np.float32))


@pytest.mark.parametrize("high", [1.0005, 2.0, 255.0])
def test_grey_values_as_floats_are_not_sent_to_tables(tmp_path, high):
    path = tmp_path / "x.npy"
    x = RNG.random((12, 6, 5))
    x[0, 0, 0] = 1
    np.save(path, x * high)
    with pytest.raises(DataError, match=r"clip them|uint8") as refused:
        ArrayFile(str(path)).decode()
    assert "table" not in str(refused.value)
