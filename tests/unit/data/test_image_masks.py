"""Images with missing pixels: NaN in the file, or a mask beside the images."""

import numpy as np
import pytest
import torch

from vael.data.module import VaelData
from vael.data.preprocess import Preprocess
from vael.data.sources.array import ArrayFile
from vael.errors import ConfigError, DataError


def images(count=20):
    rng = np.random.default_rng(0)
    k, mask = rng.integers(0, 5, (count, 4, 4)).astype(np.uint8), rng.random((count, 4, 4)) < 0.7
    mask[:, 0, 0] = True
    return k, mask


def decoded(path, arrays, **options):
    np.savez(path / "a.npz", **arrays)
    return ArrayFile(str(path / "a.npz"), missing="mask", **options).decode()


def test_a_mask_beside_the_images_makes_their_hidden_pixels_nan(tmp_path):
    k, mask = images()
    made = decoded(tmp_path, {"x": k, "mask": mask}, levels=5)
    assert made.levels == 5
    assert not [note for note in made.notes if "not used" in note]
    np.testing.assert_array_equal(made.train.x[:, 0], np.where(mask, k, np.nan))
    other = ~mask[:5] | (k[:5] > 2)
    split = {"x_train": k, "x_test": k[:5], "mask_train": mask, "test_mask": other}
    made = decoded(tmp_path, split, levels=5)
    assert made.test is not None
    np.testing.assert_array_equal(np.isnan(made.test.x[:, 0]), ~other)


def test_nan_pixels_and_channels(tmp_path):
    mask = np.random.default_rng(0).random((20, 6, 5)) < 0.7
    x = np.random.default_rng(1).random((20, 6, 5, 3)).astype(np.float32)
    x[~mask] = np.nan
    made = decoded(tmp_path, {"x": x})
    np.testing.assert_array_equal(made.train.x, x.transpose(0, 3, 1, 2))
    again = decoded(tmp_path, {"x": np.nan_to_num(x, nan=0.5), "mask": mask})
    np.testing.assert_array_equal(again.train.x, made.train.x)


def test_scores_are_per_observed_pixel_and_holes_stay(tmp_path):
    k, mask = images()
    np.savez(tmp_path / "a.npz", x=k, mask=mask)
    source = ArrayFile(str(tmp_path / "a.npz"), missing="mask", levels=5)
    data = VaelData(source, 4, cache_dir=str(tmp_path / "cache"))
    data.prepare()
    _, index = data.select("train")
    assert data.spec.levels == 5
    assert data.spec.count_dims("train") == pytest.approx(mask[index].sum() / len(index))
    seen = data.preprocess(data.head("train", 10).x)[:, 0].numpy()
    np.testing.assert_allclose(seen, np.where(mask, k / 4, np.nan)[index[:10]], rtol=1e-6)


@pytest.mark.parametrize("mode", ["none", "threshold", "stochastic"])
def test_every_way_to_make_levels_keeps_the_holes_and_changes_nothing_else(mode):
    k, mask = images()
    whole, holed = torch.from_numpy(k), torch.from_numpy(np.where(mask, k, np.nan)).float()
    preprocess = Preprocess(mode, 5)
    first, second = (preprocess(x, torch.Generator().manual_seed(0)) for x in (whole, holed))
    assert torch.equal(torch.isnan(second), torch.from_numpy(~mask))
    assert torch.equal(first[torch.from_numpy(mask)], second[torch.from_numpy(mask)])


@pytest.mark.parametrize(
    ("mask", "options", "error", "said"),
    [
        (np.ones((20, 4, 3)), {}, DataError, r"shape of the images \(20, 4, 4\).* \(20, 4, 3\)"),
        (np.zeros((20, 4, 4)), {}, DataError, "the mask hides all"),
        (np.full((20, 4, 4), 2), {}, DataError, "a mask must be of 0 and 1"),
        (np.ones((20, 4, 4)), {"image_size": 8}, ConfigError, "cannot go together with"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, mask, options, error, said):
    with pytest.raises(error, match=said):
        decoded(tmp_path, {"x": images()[0], "mask": mask}, levels=5, **options)


def test_an_image_of_which_nothing_is_observed_is_refused(tmp_path):
    k, mask = images()
    mask[7] = False
    np.savez(tmp_path / "a.npz", x=k, mask=mask)
    source = ArrayFile(str(tmp_path / "a.npz"), missing="mask", levels=5)
    with pytest.raises(DataError, match="example 7 of"):
        VaelData(source, 4, cache_dir=str(tmp_path / "cache")).prepare()
