"""Series in files: lengths, layouts, bad input, and one real data set."""

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from vael.data.sources.series import SeriesFile
from vael.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5, 3))
LENGTHS = np.array([5, 2, 1, 4, 5, 3])


def save(folder, **arrays):
    np.savez(folder / "series.npz", **arrays)
    return SeriesFile(folder / "series.npz")


def test_steps_beyond_the_length_are_missing_and_the_rest_is_as_it_was(tmp_path):
    data = save(tmp_path, x=X, lengths=LENGTHS, y=np.arange(6) % 2).decode()
    x = data.train.x
    assert (x.shape, x.dtype, data.missing) == ((6, 3, 5), np.float32, "mask")
    assert data.train.y.tolist() == [0, 1, 0, 1, 0, 1]
    for row, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(x[row, :, :length], X[row, :length].T.astype(np.float32))
        assert np.isnan(x[row, :, length:]).all()


def test_series_of_one_length_need_no_mask_and_layouts_say_the_same(tmp_path):
    data = save(tmp_path, x_train=X, x_test=X[:2]).decode()
    assert (data.missing, data.test.x.shape) == ("refuse", (2, 3, 5))
    np.save(tmp_path / "nct.npy", X.transpose(0, 2, 1))
    other = SeriesFile(tmp_path / "nct.npy", layout="nct").decode()
    np.testing.assert_array_equal(other.train.x, data.train.x)
    np.save(tmp_path / "one.npy", X[..., 0])
    np.testing.assert_array_equal(
        SeriesFile(tmp_path / "one.npy").decode().train.x, data.train.x[:, :1]
    )


def test_a_ts_file_is_read_by_its_lines_and_its_test_file_beside_it(tmp_path):
    head = "#said\n@problemName a\n@classLabel true u v\n@data\n"
    (tmp_path / "a_TRAIN.ts").write_text(head + "1,2,3:4,5,6:v\n7,?:9,10:u\n")
    (tmp_path / "a_TEST.ts").write_text(head + "1,2,3,4:5,6,7,8:u\n")
    data = SeriesFile(tmp_path / "a_TRAIN.ts").decode()
    nan = np.nan
    wanted = [[[1, 2, 3, nan], [4, 5, 6, nan]], [[7, nan, nan, nan], [9, 10, nan, nan]]]
    np.testing.assert_array_equal(data.train.x, np.array(wanted, np.float32))
    np.testing.assert_array_equal(data.test.x, [[[1, 2, 3, 4], [5, 6, 7, 8]]])
    assert (data.train.y.tolist(), data.test.y.tolist()) == ([1, 0], [0])


BAD = {
    "lengths of another number": ({"x": X, "lengths": LENGTHS[:3]}, "6 whole numbers from 1 to 5"),
    "too long": ({"x": X, "lengths": LENGTHS + 1}, r"from 1 to 5, got .* from 2 to 6"),
    "none": ({"x": X, "lengths": LENGTHS - 1}, r"got .* from 0 to 4"),
    "halves": ({"x": X, "lengths": LENGTHS / 2}, "whole numbers"),
    "images": ({"x": X[..., None]}, r"of shape \(N, T\) or \(N, T, C\), got .*\(6, 5, 3, 1\)"),
    "text": ({"x": X.astype(str)}, "must be numbers"),
    "infinite": ({"x": np.where(X > 1, np.inf, X)}, "must be finite"),
    "splits": ({"x_train": X, "x_test": X[:, :4]}, "as many channels and steps"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_series_is_one_line(case, tmp_path):
    arrays, said = BAD[case]
    with pytest.raises(DataError, match=said) as caught:
        save(tmp_path, **arrays).decode()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@data\n1,2:3\n", "line 2"),
        ("@data\n1,b\n", "line 2: .*'b'"),
        ("@data\n", "no series"),
        ("1,2,3\n", "after @data"),
        ("@timeStamps true\n@data\n", "time stamps"),
        ("@data\n1,2\n1,2:3,4\n", "as many channels"),
    ],
)
def test_a_broken_ts_file_is_one_line(text, said, tmp_path):
    (tmp_path / "a.ts").write_text(text)
    with pytest.raises(DataError, match=said):
        SeriesFile(tmp_path / "a.ts").decode()


def test_options_that_cannot_work(tmp_path):
    for options, said in (
        ({}, "data.path=FILE"),
        ({"path": "a.csv"}, re.escape("reads .npz, .npy or .ts")),
        ({"path": "a.npy", "layout": "tnc"}, "ntc or nct"),
    ):
        with pytest.raises(ConfigError, match=said):
            SeriesFile(**options)


@pytest.mark.skipif(find_spec("aeon") is None, reason="its data lies in the package aeon")
def test_japanese_vowels_of_aeon_are_as_its_own_reader_says():
    from aeon.datasets import load_japanese_vowels

    folder = Path(find_spec("aeon").origin).parent / "datasets/data/JapaneseVowels"
    data = SeriesFile(folder / "JapaneseVowels_TRAIN.ts").decode()
    for part, split in ((data.train, "train"), (data.test, "test")):
        series, labels = load_japanese_vowels(split=split)
        assert len(part) == len(series)
        for row, known in zip(part.x, series, strict=True):
            there = known.shape[1]
            np.testing.assert_array_equal(row[:, :there], known.astype(np.float32))
            assert np.isnan(row[:, there:]).all()
        assert (part.y + 1).astype(str).tolist() == list(labels)
