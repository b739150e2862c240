"""The data in one line: what it counts is what there is."""

import numpy as np
import pytest

from vael.data.module import VaelData
from vael.data.sources import ArrayFile, BreastCancer, Digits


def described(source, tmp_path, **options):
    data = VaelData(source, 4, cache_dir=str(tmp_path / "cache"), **options)
    data.prepare()
    return data.description


def test_digits(tmp_path):
    # 180 = ceil(1797 / 10), and 162 = ceil(1617 / 10)
    assert described(Digits(), tmp_path) == (
        "scikit-learn's digits: 1,797 images 1 x 8 x 8, 17 levels, 10 classes; 1,455 to train, "
        "162 to validate and 180 to test (validation and test taken out of the training examples)"
    )


def test_a_table(tmp_path):
    text = described(BreastCancer(), tmp_path)
    assert text.startswith("scikit-learn's breast cancer: 569 rows of 30 columns, 2 classes; ")


def test_what_is_left_out_is_counted(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 5, 6, 3), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x_train=images, x_valid=images[:7], X_test=images[:9], z=images)
    text = described(ArrayFile(str(tmp_path / "x.npz")), tmp_path, limit=8, binarize="threshold")
    assert text == (
        f"{tmp_path}/x.npz: 56 images 3 x 5 x 6, 256 levels, made 2, no labels; 8 to train, 7 to "
        "validate and 8 to test; 33 not used (data.limit)"
    )


def test_what_a_file_holds_besides_is_told(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 5, 6), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x_train=images, extra=images, weights=np.ones(40))
    assert (
        ArrayFile(str(tmp_path / "x.npz"))
        .decode()
        .notes[0]
        .startswith("not used: extra, weights (name arrays with data.key")
    )


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (
            np.arange(6 * 64).reshape(6, 8, 8) % 256 / 255,
            "multiples of 1/255: set data.levels=256",
        ),
        ((np.arange(6 * 64).reshape(6, 8, 8) % 2).astype(float), "0 or 1: set data.levels=2"),
        (np.arange(6 * 64).reshape(6, 8, 8) % 17 / 16, "multiples of 1/16: set data.levels=17"),
        ((np.arange(6 * 64).reshape(6, 8, 8) % 2 * 255).astype(np.uint8), "0 and 255 only"),
        (np.arange(60 * 784).reshape(60, 784) % 255, r"data\.shape=\[1,28,28\]"),
        (np.arange(60 * 3072).reshape(60, 3072) % 255, r"data\.shape=\[3,32,32\]"),
    ],
)
def test_values_on_a_grid_are_recognised(tmp_path, x, match):
    np.save(tmp_path / "x.npy", x)
    (note,) = ArrayFile(str(tmp_path / "x.npy")).decode().notes
    assert match.replace("\\", "") in note


@pytest.mark.parametrize("seed", range(3))
def test_other_values_are_not_on_a_grid(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for x in (rng.random((20, 8, 8)), rng.normal(size=(20, 64)), rng.integers(0, 256, (20, 8, 8))):
        np.save(tmp_path / "x.npy", x)
        assert ArrayFile(str(tmp_path / "x.npy"), levels=None).decode().notes == ()
