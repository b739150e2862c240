import re

import numpy as np
import pytest
import torch

from vael.data.cache import load_decoded
from vael.data.decode.table import check_float32
from vael.data.module import VaelData
from vael.data.preprocess import Preprocess, column_fill, column_moments
from vael.data.source import Arrays
from vael.data.sources.array import ArrayFile
from vael.errors import ConfigError, DataError

MIXED = "size,colour,kind,mass\n1,red,a,5\n2,blue,b,6\n3,red,a,7\n4, green ,b,9\n"


def csv(path, content):
    (path / "a.csv").write_text(content)
    return str(path / "a.csv")


def test_categories_are_one_hot_in_their_place(tmp_path):
    source = ArrayFile(csv(tmp_path, MIXED), label_key="kind", categorical=["colour"])
    for got in (source.decode(), load_decoded(source, tmp_path / "cache").data):
        assert got.columns == ("size", "colour=blue", "colour=green", "colour=red", "mass")
        np.testing.assert_array_equal(
            got.train.x, [[1, 0, 0, 1, 5], [2, 1, 0, 0, 6], [3, 0, 0, 1, 7], [4, 0, 1, 0, 9]]
        )
        np.testing.assert_array_equal(got.train.y, [0, 1, 0, 1])


def test_numbers_may_be_categories_and_an_empty_cell_is_one(tmp_path):
    got = ArrayFile(csv(tmp_path, "1,7\n2,\n3,8\n"), categorical=[1]).decode()
    assert got.columns == ("0", "1=", "1=7", "1=8")
    assert "column 1: empty cells stand for a missing value, which is the category 1=" in got.notes
    np.testing.assert_array_equal(got.train.x[:, 1:], [[0, 1, 0], [1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("missing", ["mean", "median"])
def test_missing_values_are_imputed_from_the_training_rows_only(tmp_path, missing):
    rng = np.random.default_rng(0)
    x = rng.gamma(1.0, 3.0, (200, 3)).astype(np.float32)
    holes = rng.random(x.shape) < [0.3, 0.0, 0.1]
    x[holes] = np.nan
    words = ["", "NA", "nan", " ", "N/A", "null"]
    lines = [
        ",".join(words[(i + j) % 6] if holes[i, j] else repr(float(x[i, j])) for j in range(3))
        for i in range(200)
    ]
    path = csv(tmp_path, "a,b,c\n" + "\n".join(lines))
    np.save(tmp_path / "a.npy", x)
    for file in (path, str(tmp_path / "a.npy")):
        data = VaelData(ArrayFile(file, missing=missing), 10, cache_dir=str(tmp_path / "cache"))
        data.prepare()
        arrays, index = data.select("train")
        np.testing.assert_array_equal(arrays.x, x)  # the cache keeps the holes
        train = x[index].astype(np.float64)
        fill = (np.nanmean if missing == "mean" else np.nanmedian)(train, 0)
        np.testing.assert_allclose(data.preprocess.fill, fill, rtol=1e-6)
        full = np.where(np.isnan(train), fill, train)
        np.testing.assert_allclose(data.preprocess.shift, full.mean(0), rtol=1e-5)
        np.testing.assert_allclose(data.preprocess.scale, full.std(0), rtol=1e-5)
        for split in ("train", "val", "test"):
            batch = data.head(split, 500).x
            seen, batch = data.preprocess(batch).numpy(), batch.numpy()
            expected = (np.where(np.isnan(batch), fill, batch) - full.mean(0)) / full.std(0)
            np.testing.assert_allclose(seen, expected, atol=1e-5)
    assert "fill" in data.preprocess.state_dict()


def test_what_missing_values_become_is_part_of_the_digest(tmp_path):
    path = csv(tmp_path, "1,2\n,4\n5,6\n7,8\n9,1\n")
    digests = set()
    for missing in ("mean", "median"):
        data = VaelData(ArrayFile(path, missing=missing), 1, cache_dir=str(tmp_path / "cache"))
        data.prepare()
        digests.add(data.spec.digest)
    assert len(digests) == 2


def test_moments_with_a_fill_equal_numpys_over_blocks():
    x = np.random.default_rng(1).normal(size=(70_000, 2)).astype(np.float32)
    x[::3, 0] = np.nan
    fill = column_fill(Arrays(x), np.arange(70_000), "median")
    np.testing.assert_allclose(fill, np.nanmedian(x.astype(np.float64), 0), rtol=1e-6)
    full = np.where(np.isnan(x), fill.numpy(), x).astype(np.float64)
    mean, std, _ = column_moments(Arrays(x), np.arange(70_000), fill)
    np.testing.assert_allclose(mean, full.mean(0), atol=1e-7)
    np.testing.assert_allclose(std, full.std(0), rtol=1e-6)


def test_a_checkpoint_without_a_fill_stays_what_it_was():
    made = Preprocess("none", None, torch.zeros(2), torch.ones(2))
    assert set(made.state_dict()) == {"shift", "scale"}


def test_a_column_that_is_missing_in_all_training_rows_is_named(tmp_path):
    path = csv(tmp_path, "a,b\n" + "1,\n" * 5 + "2,NA\n" * 5)
    data = VaelData(ArrayFile(path, missing="mean"), 1, cache_dir=str(tmp_path / "cache"))
    with pytest.raises(DataError, match=r"column b is missing in all 8; leave it out"):
        data.prepare()


def test_block_by_block_the_same_is_refused_as_at_once():
    x = np.random.default_rng(0).normal(size=(1000, 3))
    parts = np.array_split(x, 7)
    check_float32(parts, "here", (), missing=False)
    x[:, 1] += 1e8  # a view: parts see it
    with pytest.raises(DataError, match=r"column 1 .*by only (0\.9|1\.0)\d* \(stand") as blocks:
        check_float32(parts, "here", (), missing=False)
    with pytest.raises(DataError) as whole:
        check_float32([x], "here", (), missing=False)
    assert re.sub(r"[\d.]+ \(st", "", str(blocks.value)) == re.sub(
        r"[\d.]+ \(st", "", str(whole.value)
    )
    x[:, 1] -= 1e8
    x[900, 2] = np.inf
    with pytest.raises(DataError, match=r"here, rows from 858: .*1 NaN or infinite"):
        check_float32(parts, "here", (), missing=True)


@pytest.mark.parametrize(
    ("content", "options", "error", "match"),
    [
        (
            "a,b\n1,x\n2,y\n",
            {},
            DataError,
            r"line 2, column b: .*'x'.*data.label_key=b.*categorical=\[b\].*data.missing_marks",
        ),
        (
            "a,b\n1,2\n,4\n",
            {},
            DataError,
            "line 3, column a: .*an empty cell .*data.missing=mask, or mean or median$",
        ),
        ("a,b\n1,2\n3,NA\n", {}, DataError, r"line 3, column b: .*a missing value \('NA'; 1 such"),
        (
            "a,b,c,d\n1,x,,4\n3,y,1,5\n",
            {},
            DataError,
            r"line 2, column b: .*'x'.*; the same of other columns: c \(gaps\)$",
        ),
        (
            "a,b,c\n,x,y\n3,y,z\n",
            {},
            DataError,
            r"column a: .* empty cell .*: b \(a text\), c \(a text\)$",
        ),
        ("a,b\n1,2\n3,inf\n", {"missing": "mean"}, DataError, "1 NaN or infinite.*inf"),
        (
            "a,b\n1,2\n3,nan\n",
            {},
            DataError,
            r"line 3, column b.*\('nan'; 1.*or set data.missing=mask, or mean or median$",
        ),
        ("a,b\n1,2\n3,x\n", {"missing": "mean"}, DataError, "the text 'x'"),
        ("a,b\n1,x\n", {"categorical": ["c"]}, ConfigError, "data.categorical .* got c; .* a, b$"),
        ("a,b\n1,x\n", {"categorical": "b"}, ConfigError, r"must be a list .*=\[b\]$"),
        (
            "a,b\n1,x\n",
            {"categorical": ["b"], "label_key": "b"},
            ConfigError,
            "not name the labels",
        ),
        (
            "a,b\n1,x\n",
            {"label_key": ["a", "b"]},
            ConfigError,
            "data.label_key must be null or one",
        ),
        ("a,y,y\n1,2,3\n", {"label_key": "y"}, DataError, "2 are called 'y'; rename them"),
        ("a,y\n1,2\n3,\n", {"label_key": "y"}, DataError, "line 3, column y: .*must have a label"),
        ("y\n1\n2\n", {"label_key": "y"}, DataError, "a column besides the labels"),
        (
            "a,b\n1,2\n",
            {"missing": "drop"},
            ConfigError,
            "data.missing must be one of refuse, mean",
        ),
        ("a,b\n1,2\n", {"test_label_key": "b"}, ConfigError, "data.test_label_key=b needs a file"),
        (
            "a,b\n1,2\n",
            {"test_key": "b"},
            ConfigError,
            "data.test_key=b names an array in an .npz",
        ),
    ],
)
def test_bad_input_is_named_in_one_line(tmp_path, content, options, error, match):
    with pytest.raises(error, match=match) as caught:
        load_decoded(ArrayFile(csv(tmp_path, content), **options), tmp_path / "cache")
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)
