import hashlib

import numpy as np
import pytest

from vael.data.splits import MAX_TEST, MAX_VAL, make_splits, permute
from vael.errors import DataError

WORLDS = [
    {"train": 3},
    {"train": 101},
    {"train": 1797},
    {"train": 150_000},
    {"train": 60, "test": 10},
    {"train": 60_000, "test": 10_000},
    {"train": 50, "val": 7, "test": 9},
    {"train": 50, "val": 7},
]


@pytest.mark.parametrize("sizes", WORLDS, ids=str)
def test_the_splits_are_a_partition_of_all_examples(sizes):
    splits = make_splits(sizes)
    for origin, size in sizes.items():
        taken = [part.index for part in splits.values() if part.origin == origin]
        assert sorted(np.concatenate(taken)) == list(range(size))
    assert all(len(part.index) >= 1 for part in splits.values())


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"train": 1797}, (1455, 162, 180)),
        ({"train": 60_000, "test": 10_000}, (55_000, 5_000, 10_000)),
        ({"train": 300_000}, (300_000 - MAX_TEST - MAX_VAL, MAX_VAL, MAX_TEST)),
        ({"train": 3}, (1, 1, 1)),
        ({"train": 20, "val": 5, "test": 6}, (20, 5, 6)),
    ],
    ids=str,
)
def test_one_in_ten_rounded_up_and_capped_unless_official(sizes, expected):
    splits = make_splits(sizes)
    assert tuple(len(splits[name].index) for name in ("train", "val", "test")) == expected


def test_official_test_examples_are_kept_whole_and_in_order():
    test = make_splits({"train": 60, "test": 10})["test"]
    assert test.origin == "test"
    np.testing.assert_array_equal(test.index, np.arange(10))


def test_the_split_depends_on_its_seed_only():
    first, again, other = (make_splits({"train": 1000}, seed) for seed in (0, 0, 1))
    for name in ("train", "val", "test"):
        np.testing.assert_array_equal(first[name].index, again[name].index)
    assert set(first["val"].index) != set(other["val"].index)
    assert set(first["test"].index) != set(other["test"].index)


def test_validation_is_not_the_head_of_a_file_sorted_by_class():
    # 10 % of 1000 without replacement: mean 499.5, standard error 27.4; 5 of them either way.
    val = make_splits({"train": 1000, "test": 10})["val"].index
    assert abs(val.mean() - 499.5) < 5 * 27.4


def test_limit_caps_train_before_validation_and_each_of_the_others():
    splits = make_splits({"train": 1000, "test": 300}, limit=100)
    assert {name: len(part.index) for name, part in splits.items()} == {
        "train": 90,
        "val": 10,
        "test": 100,
    }
    assert not set(splits["train"].index) & set(splits["val"].index)
    assert max(splits["train"].index) > 500  # spread over the file
    whole = make_splits({"train": 1000}, limit=50)
    assert {name: len(part.index) for name, part in whole.items()} == {
        "train": 45,
        "val": 5,
        "test": 50,
    }
    indices = np.concatenate([part.index for part in whole.values()])
    assert len(set(indices)) == 100


def test_a_limit_above_the_size_changes_nothing():
    for name, part in make_splits({"train": 100}, limit=100).items():
        np.testing.assert_array_equal(part.index, make_splits({"train": 100})[name].index)


@pytest.mark.parametrize(
    ("sizes", "limit"),
    [
        ({"train": 1}, None),
        ({"train": 2}, None),
        ({"train": 1, "test": 4}, None),
        ({"train": 100}, 1),
        ({"train": 9, "test": 0}, None),
    ],
)
def test_an_empty_split_is_refused(sizes, limit):
    with pytest.raises(DataError, match="each split must have at least 1 example"):
        make_splits(sizes, limit=limit)


def test_the_permutation_stays_what_it_was():
    # numpy guarantees the 64-bit words of PCG64 for ever, and so a split outlives its releases.
    digest = hashlib.blake2b(b"int:0\x1fstr:pinned", digest_size=8).digest()
    words = np.random.PCG64(int.from_bytes(digest, "little") >> 1).random_raw(8).tolist()
    expected = sorted(range(8), key=lambda i: words[i])
    np.testing.assert_array_equal(permute(8, 0, "pinned"), expected)
