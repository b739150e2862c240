"""Missing values that are left out: moments and counts are of what is observed."""

import numpy as np
import pytest

from vael.data.module import VaelData
from vael.data.observed import count_observed
from vael.data.preprocess import column_moments
from vael.data.source import Arrays
from vael.data.sources.array import ArrayFile
from vael.errors import DataError


def holed(rows=200, columns=3, share=0.3):
    rng = np.random.default_rng(0)
    x = rng.gamma(1.0, 3.0, (rows, columns)).astype(np.float32)
    x[rng.random(x.shape) < share] = np.nan
    x[np.isnan(x).all(1), 0] = 1
    return x


def prepared(path, x, **options):
    np.save(path / "a.npy", x)
    source = ArrayFile(str(path / "a.npy"), missing="mask", **options)
    data = VaelData(source, 10, cache_dir=str(path / "cache"))
    data.prepare()
    return data


def test_moments_are_of_the_observed_training_cells_and_holes_stay(tmp_path):
    data = prepared(tmp_path, holed())
    arrays, index = data.select("train")
    train = arrays.x[index].astype(np.float64)
    np.testing.assert_allclose(data.preprocess.shift, np.nanmean(train, 0), rtol=1e-6)
    np.testing.assert_allclose(data.preprocess.scale, np.nanstd(train, 0), rtol=1e-6)
    batch = data.head("test", 20).x
    seen, batch = data.preprocess(batch).numpy(), batch.numpy()
    np.testing.assert_array_equal(np.isnan(seen), np.isnan(batch))
    assert data.spec.holes
    for split in ("train", "val", "test"):
        arrays, index = data.select(split)
        wanted = (~np.isnan(arrays.x[index])).sum() / len(index)
        assert data.spec.count_dims(split) == pytest.approx(wanted, rel=1e-12)


def test_without_holes_the_moments_are_the_same_to_the_bit():
    arrays, index = Arrays(holed(share=0)), np.arange(150)
    for a, b in zip(*(column_moments(arrays, index, holes=h) for h in (False, True)), strict=True):
        assert (np.asarray(a) == np.asarray(b)).all()


def test_channels_of_images_are_counted_together():
    x = np.zeros((5, 2, 2, 2), np.float32)
    x[:, 0, 0, 1] = np.nan
    x[2, 1] = np.nan
    found = count_observed({"train": (Arrays(x), np.arange(5))})
    assert found == {"train": (5 * 8 - 5 - 4) / 5}


def test_an_example_or_a_column_of_which_nothing_is_observed_is_named(tmp_path):
    row, column = holed(), holed(share=0)
    row[17], column[:, 1] = np.nan, np.nan
    with pytest.raises(DataError, match=r"example 17 of \w+ \(counted from 0\) has none \(1 such"):
        prepared(tmp_path, row)
    with pytest.raises(DataError, match=r"column 1 is missing in all \d+; leave it out"):
        prepared(tmp_path, column)


def test_a_category_that_is_missing_is_missing_in_all_of_its_columns(tmp_path):
    (tmp_path / "a.csv").write_text("size,colour\n1,red\n,blue\n3,\n4,NA\n")
    source = ArrayFile(str(tmp_path / "a.csv"), missing="mask", categorical=["colour"])
    got = source.decode()
    n = np.nan
    assert got.columns == ("size", "colour=blue", "colour=red")
    np.testing.assert_array_equal(got.train.x, [[1, 0, 1], [n, 1, 0], [3, n, n], [4, n, n]])
