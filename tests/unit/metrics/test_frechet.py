import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from vael.metrics.frechet import feature_frechet, gaussian_frechet

RNG = np.random.default_rng(0)


def tensors(*arrays):
    return [torch.as_tensor(a).double() for a in arrays]


def spd(size, rank):
    mix = RNG.normal(size=(size, rank))
    return mix @ mix.T


@pytest.mark.parametrize("rank", [5, 8])
def test_the_distance_between_normals_is_scipys(rank):
    mean, other = RNG.normal(size=(2, 5))
    cov, cov_other = spd(5, rank), spd(5, rank)
    cross = np.trace(sqrtm(cov @ cov_other)).real
    expected = ((mean - other) ** 2).sum() + np.trace(cov + cov_other) - 2 * cross
    found = gaussian_frechet(*tensors(mean, cov, other, cov_other))
    assert found == pytest.approx(expected, rel=1e-9)
    swapped = gaussian_frechet(*tensors(other, cov_other, mean, cov))
    assert swapped == pytest.approx(found, rel=1e-9)


def test_of_diagonal_covariances_it_is_that_of_means_and_standard_deviations():
    s, t, m = np.array([1.0, 2, 0]), np.array([3.0, 0.5, 0]), np.array([0.5, 0, 2])
    found = gaussian_frechet(*tensors(0 * m, np.diag(s**2), m, np.diag(t**2)))
    assert found == pytest.approx((m**2).sum() + ((s - t) ** 2).sum(), rel=1e-9)


def test_singular_covariances_are_no_difficulty():
    flat = spd(6, 2)
    assert gaussian_frechet(*tensors(np.zeros(6), flat, np.zeros(6), flat)) == pytest.approx(
        0, abs=1e-6
    )
    point = gaussian_frechet(*tensors(np.ones(6), flat, np.zeros(6), np.zeros((6, 6))))
    assert point == pytest.approx(6 + np.trace(flat), rel=1e-9)


def test_moments_are_those_of_the_features():
    x, y = RNG.normal(size=(2, 50, 3))
    expected = gaussian_frechet(
        *tensors(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    )
    assert feature_frechet(*tensors(x, y)) == pytest.approx(expected, rel=1e-10)
    one = feature_frechet(*tensors(x[:, :1], y[:, :1]))
    assert one == pytest.approx(
        (x[:, 0].mean() - y[:, 0].mean()) ** 2 + (x[:, 0].std(ddof=1) - y[:, 0].std(ddof=1)) ** 2,
        rel=1e-9,
    )
