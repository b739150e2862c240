"""Labels of any dtype become the classes 0, 1, 2, ..., and a line says where they were others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vael.data.decode.labels import number_classes
from vael.data.sources.array import ArrayFile
from vael.errors import DataError

FEW = settings(max_examples=60, deadline=None, derandomize=True)
DTYPES = st.sampled_from(["?", "u1", "i2", "i8", "u8", "f4", "f8", "U3", "S3"])


@FEW
@given(
    DTYPES.flatmap(
        lambda d: hnp.arrays(
            d,
            st.integers(1, 30),
            elements=st.sampled_from(
                {"U": ["a", "b", "é"], "S": [b"a", b"b", b"\xe9"]}.get(d[0])
                or ([False, True] if d == "?" else [0, 1, 5, 100])
            ),
        )
    ),
    st.integers(0, 29),
)
def test_classes_are_consecutive_and_in_order(labels, cut):
    notes = []
    raw = {"train": labels[:cut], "test": labels[cut:]}
    got = number_classes(raw, "here", notes)
    ranks = np.unique(labels, return_inverse=True)[1]  # of both splits together
    np.testing.assert_array_equal(np.concatenate([got["train"], got["test"]]), ranks)
    assert all(each.dtype == np.int64 for each in got.values())
    told = labels.dtype.kind not in "US" and (labels.astype(np.int64) != ranks).any()
    assert bool(notes) == told


def test_sparse_numbers_are_told_with_what_they_become():
    notes = []
    got = number_classes({"train": np.array([0, 1_900_000, 100_000, 0, 7])}, "here", notes)
    assert got["train"].tolist() == [0, 3, 2, 0, 1]
    assert notes == ["the labels 0, 7, 100000, ... are the classes 0, 1, 2, ..."]


def test_whole_numbers_beyond_a_float_stay_different(tmp_path):
    big = 2**60
    for labels in (np.array([big, big + 1, big]), np.array([2**64 - 1, 2**64 - 2], np.uint64)):
        got = number_classes({"train": labels}, "here", [])["train"]
        np.testing.assert_array_equal(got, np.unique(labels, return_inverse=True)[1])
    path = tmp_path / "t.csv"
    path.write_text(f"a,id\n1.5,{big}\n2.5,{big + 1}\n3.5,{big}\n")
    assert ArrayFile(str(path), label_key="id").decode().train.y.tolist() == [0, 1, 0]
    pd = pytest.importorskip("pandas")
    pd.DataFrame({"a": [1.5, 2, 3], "id": [big, big + 1, big]}).to_parquet(tmp_path / "t.parquet")
    data = ArrayFile(str(tmp_path / "t.parquet"), label_key="id").decode()
    assert data.train.y.tolist() == [0, 1, 0]


@pytest.mark.parametrize("labels", [np.arange(300), np.array([f"id-{n}" for n in range(300)])])
def test_labels_that_may_be_no_classes_are_told(labels):
    notes = []
    number_classes({"train": labels[:200], "test": labels[200:]}, "here", notes)
    assert notes == [
        "300 examples have 300 different labels: each is a class, though they look like numbers "
        "of the examples or a value to predict"
    ]


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.array([0.5, 1]), "must be whole numbers >= 0, got 0.5 for example 0"),
        (np.array([0, np.nan]), "got nan for example 1"),
        (np.array([-2, 1]), "got -2"),
        (np.array([1, 2], "M8[D]"), "whole numbers or text, got datetime64"),
        (np.ones((2, 2, 2)), "one for each example"),
        (np.array([[0.2, 0.8], [0.5, 0.5]]), "or one-hot, got shape"),
    ],
)
def test_what_is_no_label_is_refused(labels, match):
    with pytest.raises(DataError, match=match):
        number_classes({"train": labels}, "here", [])
