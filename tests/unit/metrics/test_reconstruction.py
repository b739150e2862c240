import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate, gaussian_filter, uniform_filter

from vael.metrics import reconstruction as module
from vael.metrics.reconstruction import measure_reconstruction, standard_error, window_side

RNG = np.random.default_rng(0)


def images(size, channels=1, count=6):
    x = RNG.uniform(size=(count, channels, size, size))
    return correlate(x, np.full((1, 1, 3, 3), 1 / 9), mode="wrap")


def ssim(x, y, local):
    """Wang et al. 2004, Eq. 13 with K = (0.01, 0.03) and a peak of 1, in scipy's filters."""

    def one(a, b):
        mean_a, mean_b = local(a), local(b)
        var_a, var_b = local(a * a) - mean_a**2, local(b * b) - mean_b**2
        cov = local(a * b) - mean_a * mean_b
        top = (2 * mean_a * mean_b + 0.01**2) * (2 * cov + 0.03**2)
        return top / ((mean_a**2 + mean_b**2 + 0.01**2) * (var_a + var_b + 0.03**2))

    return np.array(
        [
            np.mean([one(a, b) for a, b in zip(p, q, strict=True)])
            for p, q in zip(x, y, strict=True)
        ]
    )


def blur(image):
    return gaussian_filter(image, 1.5, mode="mirror", truncate=3.5)


def box(side):
    return lambda image: uniform_filter(image, side, mode="mirror")


@pytest.mark.parametrize(
    ("size", "channels", "local", "named"),
    [
        (28, 1, blur, "11x11, gaussian of sigma 1.5"),
        (16, 3, blur, "11x11, gaussian of sigma 1.5"),
        (11, 1, blur, "11x11, gaussian of sigma 1.5"),
        (8, 1, box(7), "7x7, uniform"),
        (6, 2, box(5), "5x5, uniform"),
        (3, 1, box(3), "3x3, uniform"),
    ],
)
def test_ssim_is_wangs_in_the_window_that_it_names(size, channels, local, named):
    x = images(size, channels)
    y = np.clip(x + 0.1 * RNG.normal(size=x.shape), 0, 1)
    found = measure_reconstruction(torch.tensor(x).float(), torch.tensor(y).float(), images=True)
    expected = ssim(x, y, local)
    assert found.ssim_window == named
    assert found.ssim == pytest.approx(expected.mean(), abs=2e-5)
    assert found.ssim_se == pytest.approx(expected.std(ddof=1) / math.sqrt(len(x)), rel=1e-3)


def test_mse_and_psnr_of_a_known_error():
    x = torch.full((5, 1, 12, 12), 0.5)
    error = torch.tensor([0.1, -0.1, 0.1, -0.1, 0.3])[:, None, None, None]
    found = measure_reconstruction(x, x + error, images=True)
    mse = (4 * 0.01 + 0.09) / 5
    assert found.mse == pytest.approx(mse, rel=1e-5)
    assert found.psnr == pytest.approx(-10 * math.log10(mse), rel=1e-5)
    assert found.mse_se == pytest.approx(np.std([0.01] * 4 + [0.09], ddof=1) / 5**0.5, rel=1e-5)
    assert found.examples == 5


def test_an_equal_image_is_alike_and_another_is_not():
    x = torch.tensor(images(14)).float()
    assert measure_reconstruction(x, x.clone(), images=True).ssim == pytest.approx(1, abs=1e-6)
    assert measure_reconstruction(x, 1 - x, images=True).ssim < 0
    assert measure_reconstruction(x, x.roll(1, 0), images=True).ssim < 0.5


@pytest.mark.parametrize("size", [28, 8])
def test_chunks_change_nothing(size, monkeypatch):
    x = torch.tensor(images(size, count=9)).float()
    y = (x + 0.1).clamp(0, 1)
    whole = measure_reconstruction(x, y, images=True)
    monkeypatch.setattr(module, "CHUNK_FLOATS", 4 * size * size)
    parts = measure_reconstruction(x, y, images=True)
    assert parts.ssim == pytest.approx(whole.ssim, rel=1e-6)
    assert parts.mse == pytest.approx(whole.mse, rel=1e-6)


def test_a_table_has_an_error_and_nothing_else():
    x = torch.zeros(4, 3)
    found = measure_reconstruction(x, x + 2, images=False)
    assert found.mse == pytest.approx(4)
    assert found.psnr is found.ssim is found.ssim_window is None


def test_no_window_fits_into_two_pixels():
    x = torch.rand(4, 1, 2, 9, generator=torch.Generator().manual_seed(0))
    assert window_side(x) is None
    found = measure_reconstruction(x, x + 0.1, images=True)
    assert found.ssim is None
    assert found.psnr == pytest.approx(20, rel=1e-5)


def test_the_standard_error_of_one_value_is_not_a_number_that_breaks_json():
    assert standard_error(torch.tensor([3.0])) == 0
