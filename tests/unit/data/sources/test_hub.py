"""Data sets of the hub, from a local copy."""

import hashlib
import time

import datasets
import numpy as np
import pytest
from helpers.hub_files import IMAGE, LABEL, TEST, TRAIN, folder, png, write

from vael.data.cache import load_decoded
from vael.data.sources.hub import Hub
from vael.errors import DataError


def test_columns_are_found_by_their_type_and_official_splits_are_kept(tmp_path):
    for split, x in (("train", TRAIN), ("test", TEST), ("validation", TEST[:2])):
        write(
            tmp_path,
            split,
            {"id": datasets.Value("int64"), "kind": LABEL, "picture": IMAGE},
            id=list(range(len(x))),
            kind=[i % 3 for i in range(len(x))],
            picture=[png(pixels) for pixels in x],
        )
    got = Hub(path=str(tmp_path)).decode()
    assert got.levels == 256
    np.testing.assert_array_equal(got.train.x[:, 0], TRAIN)
    np.testing.assert_array_equal(got.val.x[:, 0], TEST[:2])
    np.testing.assert_array_equal(got.test.x[:, 0], TEST)
    np.testing.assert_array_equal(got.train.y, [0, 1, 2] * 3)
    assert any("columns that are not used: id (Value)" in note for note in got.notes)


def test_a_single_split_of_any_name_is_train(tmp_path):
    write(tmp_path, "everything", {"image": IMAGE}, image=[png(x) for x in TRAIN])
    got = Hub(path=str(tmp_path)).decode()
    assert got.test is None
    assert got.val is None
    assert got.train.y is None
    assert len(got.train.x) == 9


def test_files_one_folder_below_are_found(tmp_path):
    folder(tmp_path / "data")
    assert len(Hub(path=str(tmp_path)).decode().train.x) == 9


def test_labels_may_be_text_or_missing_in_one_split(tmp_path):
    features = {"image": IMAGE, "name": datasets.Value("string"), "kind": LABEL}
    write(
        tmp_path,
        "train",
        features,
        image=[png(x) for x in TRAIN],
        name=list("zyxzyxzyx"),
        kind=[2] * 9,
    )
    write(
        tmp_path, "test", features, image=[png(x) for x in TEST], name=list("zzya"), kind=[-1] * 4
    )
    named = Hub(path=str(tmp_path), label_column="name").decode()
    np.testing.assert_array_equal(named.train.y, [3, 2, 1] * 3)
    np.testing.assert_array_equal(named.test.y, [3, 3, 2, 0])
    unlabelled = Hub(path=str(tmp_path)).decode()
    assert unlabelled.test.y is None  # -1: the hub's "no label"
    assert "split test has no labels: all are -1" in unlabelled.notes


def test_the_fingerprint_is_of_the_content_and_the_options(tmp_path):
    path = folder(tmp_path)
    first = Hub(path=str(path)).fingerprint()
    assert Hub(path=str(path)).fingerprint() == first
    assert Hub(path=str(path), image_size=8).fingerprint() != first
    assert Hub(path=str(path), label_column="kind").fingerprint() != first
    write(path, "train", {"picture": IMAGE}, picture=[png(x) for x in TRAIN[:5]])
    assert Hub(path=str(path)).fingerprint() != first
    assert Hub("a/b").fingerprint() != Hub("a/b", revision="v2").fingerprint()


def test_it_leaves_no_copy_behind(tmp_path, monkeypatch):
    path = folder(tmp_path / "data")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    Hub(path=str(path)).decode()
    assert not list((tmp_path / "tmp").iterdir())
    assert sorted(p.name for p in path.iterdir()) == ["train-00000-of-00001.parquet"]


def test_a_config_of_a_local_copy_is_a_folder_below_it(tmp_path):
    for name, x in (("small", TEST), ("big", TRAIN)):
        write(tmp_path / name, "train", {"image": IMAGE}, image=[png(pixels) for pixels in x])
    assert len(Hub(path=str(tmp_path), config="small").decode().train.x) == 4
    assert len(Hub(path=str(tmp_path), config="big").decode().train.x) == 9
    with pytest.raises(DataError, match=r"/none does not exist; .* has the folders: big, small"):
        Hub(path=str(tmp_path), config="none").fingerprint()


@pytest.mark.parametrize(
    ("split", "counts"),
    [
        (None, (9, None, 4)),
        ("extra", (3, None, None)),
        ("test", (4, None, None)),
        ({"train": "extra"}, (3, None, None)),
        ({"train": "train", "val": "extra"}, (9, 3, None)),
        ({"train": "extra", "val": "train", "test": "test"}, (3, 9, 4)),
    ],
)
def test_splits_can_be_chosen(tmp_path, split, counts):
    for name, x in (("train", TRAIN), ("test", TEST), ("extra", TRAIN[:3])):
        write(tmp_path, name, {"image": IMAGE}, image=[png(pixels) for pixels in x])
    got = Hub(path=str(tmp_path), split=split).decode()
    assert tuple(part and len(part) for part in (got.train, got.val, got.test)) == counts
    assert (
        Hub(path=str(tmp_path), split={"train": "x"}).fingerprint()
        != Hub(path=str(tmp_path), split=None).fingerprint()
    )


def idx_md5(x):
    """md5 of an original MNIST file: its header and its pixels."""
    n, _, height, width = x.shape
    header = b"".join(number.to_bytes(4, "big") for number in (0x803, n, height, width))
    return hashlib.md5(header + x.tobytes()).hexdigest()


def test_mnist_is_the_original_to_the_byte_and_the_second_start_is_fast(shared, tmp_path):
    source = Hub(path=str(shared / "mnist"))
    before = time.perf_counter()
    data = load_decoded(source, tmp_path).data
    assert time.perf_counter() - before < 120  # 5 s alone
    assert idx_md5(data.train.x) == "6bbc9ace898e44ae57da46a324031adb"
    assert idx_md5(data.test.x) == "2646ac647ad5339dbf082846283269ea"
    assert np.bincount(data.train.y).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]  # LeCun's counts
    seconds = []
    for _ in range(3):  # others use the machine, too
        before = time.perf_counter()
        load_decoded(Hub(path=str(shared / "mnist")), tmp_path)
        seconds.append(time.perf_counter() - before)
    assert min(seconds) < 1


def test_cifar_has_three_channels(shared):
    got = Hub(path=str(shared / "cifar10")).decode()
    assert got.train.x.shape == (20_000, 3, 32, 32)
    assert got.test.x.shape == (4_000, 3, 32, 32)
    assert np.bincount(got.train.y).tolist() == [2000] * 10
    assert np.bincount(got.test.y).tolist() == [400] * 10
