import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from vael.metrics import frechet as module
from vael.metrics.frechet import compare_features, feature_frechet, gaussian_frechet, pca_frechet

RNG = np.random.default_rng(0)
SPREAD = torch.tensor([3.0, 2.0, 1.0, 0.5, 0.1, 0.1])


def tensors(*arrays):
    return [torch.as_tensor(a).double() for a in arrays]


def spd(size, rank):
    mix = RNG.normal(size=(size, rank))
    return mix @ mix.T


def drawn(count, seed, shift=0.0, stretch=1.0):
    noise = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return noise * SPREAD * stretch + shift


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


def test_a_perfect_model_is_at_the_floor_and_worse_ones_where_they_must_be():
    data = drawn(4000, 0)
    found = pca_frechet(data, drawn(4000, 1), drawn(4000, 2, shift=1.0))
    assert (found.components, found.examples) == (6, 2000)
    assert found.features == "6 principal components of the data (100% of its variance)"
    assert 0 < found.floor < 0.05
    assert found.distance < 3 * found.floor
    assert found.distance_of_means == pytest.approx(6, rel=0.1)  # |shift|^2
    wide = pca_frechet(data, drawn(4000, 1, stretch=2.0), data)
    assert wide.distance == pytest.approx(float((SPREAD**2).sum()), rel=0.1)
    collapsed = pca_frechet(data, torch.zeros(4000, 6), data)
    assert collapsed.distance == pytest.approx(float((SPREAD**2).sum()), rel=0.1)


def test_a_split_that_is_sorted_has_two_halves_of_the_same_kind():
    data = drawn(2000, 0)
    in_order = data[data[:, 0].argsort()]
    found = pca_frechet(in_order, drawn(2000, 1), drawn(2000, 2))
    assert found.floor < 0.05
    assert found.distance < 0.1


def test_all_three_sets_have_the_same_size():
    data, few = drawn(1000, 0), drawn(120, 1)
    assert pca_frechet(data, few, few).examples == 120
    assert pca_frechet(few, data, data).examples == 60
    assert pca_frechet(data, data, data).examples == 500
    sizes = []

    def features(x):
        sizes.append(len(x))
        return x

    compare_features(features, "", data, few, few, most=50)
    assert sizes == [50, 50, 50, 50]


def test_there_are_as_many_components_as_the_examples_can_bear():
    images = torch.rand(2000, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    assert pca_frechet(images, images, images).components == 64
    assert pca_frechet(images[:180], images, images).components == 9
    assert pca_frechet(images[:19], images, images) is None
    few = drawn(20, 0)
    assert pca_frechet(few, few, few).components == 1


def test_data_that_do_not_vary_have_no_components():
    same = drawn(1, 0).expand(60, 6)
    assert pca_frechet(same, drawn(60, 1), drawn(60, 2)) is None


def test_inception_is_looked_for_and_never_fetched(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert module.explain_no_inception(1) == "not available: torch-fidelity is not installed"
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    assert module.explain_no_inception(3).startswith(
        "not available: the weights weights-inception-2015"
    )
    assert module.explain_no_inception(2).endswith("these have 2 channels")
    assert list(tmp_path.iterdir()) == []
    path = module.inception_weights()
    path.parent.mkdir()
    path.touch()
    assert module.explain_no_inception(1) is None
    assert module.explain_no_inception(3) is None


@pytest.mark.parametrize("channels", [1, 3])
def test_inception_sees_bytes_of_colour_images(channels, monkeypatch):
    """A net in place of Inception that returns a few pixels; the distance is theirs."""
    from torchmetrics.image import fid

    given = []

    class Net:
        def __init__(self, feature, feature_extractor_weights_path):
            given.append((feature, feature_extractor_weights_path))
            self.inception = self.look

        def look(self, images):
            assert images.dtype == torch.uint8
            assert images.shape[1:] == (3, 4, 4)
            return images[:, :, 0, :2].flatten(1).float()

    monkeypatch.setattr(fid, "FrechetInceptionDistance", Net)
    g = torch.Generator().manual_seed(0)
    data, samples = torch.rand(2, 400, channels, 4, 4, generator=g)
    found = module.inception_frechet(data, samples, samples + 0.1)
    seen = (samples[:200].expand(-1, 3, -1, -1)[:, :, 0, :2] * 255).round().flatten(1).double()
    half = [
        (data[i::2].expand(-1, 3, -1, -1)[:, :, 0, :2] * 255).round().flatten(1).double()
        for i in (0, 1)
    ]
    expected = (feature_frechet(seen, half[0]) + feature_frechet(seen, half[1])) / 2
    assert found.distance == pytest.approx(expected, rel=1e-9)
    assert found.distance_of_means > found.distance > 0
    assert found.floor == pytest.approx(feature_frechet(*half), rel=1e-9)
    assert (found.components, found.examples) == (6, 200)
    assert given == [(2048, str(module.inception_weights()))]
