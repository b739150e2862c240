"""Samples against data in a feature map: which sets are compared, and what is said of them."""

import pytest
import torch

from vael.metrics import sample_quality as module
from vael.metrics.frechet import feature_frechet
from vael.metrics.kernel_distance import kernel_distance
from vael.metrics.neighbourhoods import measure_neighbourhoods
from vael.metrics.sample_quality import compare_components, compare_features

SPREAD = torch.tensor([3.0, 2.0, 1.0, 0.5, 0.1, 0.1])


def drawn(count, seed, shift=0.0, stretch=1.0):
    noise = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return noise * SPREAD * stretch + shift


def test_a_perfect_model_is_at_the_floor_and_worse_ones_where_they_must_be():
    data = drawn(4000, 0)
    found = compare_components(data, drawn(4000, 1), drawn(4000, 2, shift=1.0))
    assert (found.components, found.examples) == (6, 2000)
    assert found.features == "6 principal components of the data (100% of its variance)"
    assert 0 < found.frechet.floor < 0.05
    assert found.frechet.distance < 3 * found.frechet.floor
    assert found.frechet.distance_of_means == pytest.approx(6, rel=0.1)  # |shift|^2
    wide = compare_components(data, drawn(4000, 1, stretch=2.0), data)
    assert wide.frechet.distance == pytest.approx(float((SPREAD**2).sum()), rel=0.1)
    collapsed = compare_components(data, torch.zeros(4000, 6), data)
    assert collapsed.frechet.distance == pytest.approx(float((SPREAD**2).sum()), rel=0.1)


def test_a_split_that_is_sorted_has_two_halves_of_the_same_kind():
    data = drawn(2000, 0)
    in_order = data[data[:, 0].argsort()]
    found = compare_components(in_order, drawn(2000, 1), drawn(2000, 2))
    assert found.frechet.floor < 0.05
    assert found.frechet.distance < 0.1


def test_all_three_sets_have_the_same_size():
    data, few = drawn(1000, 0), drawn(120, 1)
    assert compare_components(data, few, few).examples == 120
    assert compare_components(few, data, data).examples == 60
    assert compare_components(data, data, data).examples == 500
    sizes = []

    def features(x):
        sizes.append(len(x))
        return x

    compare_features(features, "", data, few, few, most=50)
    assert sizes == [50, 50, 50, 50]


def test_every_measure_is_a_mean_over_the_halves_in_the_same_features():
    data, samples, means = drawn(60, 0), drawn(30, 1), drawn(30, 2, stretch=0.5)
    found = compare_features(lambda x: 2 * x, "twice", data, samples, means, most=30)
    halves, (y, mu) = (
        (2 * data[::2].double(), 2 * data[1::2].double()),
        (2 * samples.double(), 2 * means.double()),
    )
    for name, distance in (("frechet", feature_frechet), ("kid", kernel_distance)):
        own = getattr(found, name)
        for value, other in ((own.distance, y), (own.distance_of_means, mu)):
            assert value == pytest.approx(sum(distance(half, other) for half in halves) / 2)
        assert own.floor == pytest.approx(distance(*halves))
    each = [measure_neighbourhoods(half, y) for half in halves]
    for part in ("precision", "recall", "density", "coverage"):
        mean = sum(getattr(one, part) for one in each) / 2
        assert getattr(found.prdc, part) == pytest.approx(mean)
        floor = getattr(measure_neighbourhoods(*halves), part)
        assert found.sections()["prdc"][f"{part}_floor"] == pytest.approx(floor)
    assert {section["features"] for section in found.sections().values()} == {"twice"}


def test_there_are_as_many_components_as_the_examples_can_bear():
    images = torch.rand(2000, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    assert compare_components(images, images, images).components == 64
    assert compare_components(images[:180], images, images).components == 9
    assert compare_components(images[:19], images, images) is None
    few = drawn(20, 0)
    assert compare_components(few, few, few).components == 1


def test_data_that_do_not_vary_have_no_components():
    same = drawn(1, 0).expand(60, 6)
    assert compare_components(same, drawn(60, 1), drawn(60, 2)) is None


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
    found = module.compare_inception(data, samples, samples + 0.1)
    seen = (samples[:200].expand(-1, 3, -1, -1)[:, :, 0, :2] * 255).round().flatten(1).double()
    half = [
        (data[i::2].expand(-1, 3, -1, -1)[:, :, 0, :2] * 255).round().flatten(1).double()
        for i in (0, 1)
    ]
    expected = (feature_frechet(seen, half[0]) + feature_frechet(seen, half[1])) / 2
    assert found.frechet.distance == pytest.approx(expected, rel=1e-9)
    assert found.frechet.distance_of_means > found.frechet.distance > 0
    assert found.frechet.floor == pytest.approx(feature_frechet(*half), rel=1e-9)
    assert (found.components, found.examples) == (6, 200)
    assert given == [(2048, str(module.inception_weights()))]
