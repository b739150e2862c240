"""Compare samples of a model with data, in features of any kind."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vael.metrics.frechet import feature_frechet
from vael.metrics.kernel_distance import kernel_distance
from vael.metrics.neighbourhoods import NEIGHBOURS, Neighbourhoods, measure_neighbourhoods

Features = Callable[[Tensor], Tensor]
Distance = Callable[[Tensor, Tensor], float]

MOST_COMPONENTS = 64
PER_COMPONENT = 10  # examples that each component must have behind it

HUB_WEIGHTS = "checkpoints"  # where torch.hub keeps files
INCEPTION_WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"  # what torch-fidelity downloads
INCEPTION_FEATURES = 2048
MOST_IMAGES = 2500  # of each set: minutes on a CPU
IMAGES_AT_ONCE = 50


@dataclass(frozen=True)
class Distances:
    """Distances of one kind with their floor.

    Attributes:
        distance: of samples x ~ p(x|z), z ~ p(z), to the data.
        distance_of_means: of E[x|z] at the same z ~ p(z), which are often shown as samples.
        floor: of data to data.
    """

    distance: float
    distance_of_means: float
    floor: float


@dataclass(frozen=True)
class SampleQuality:
    """Samples against data in one feature map, ``examples`` against ``examples`` of them.

    The data is split into two halves. How far finite samples of one distribution are apart is the
    floor, from half to half; everything else is a mean over both halves, so that a perfect model
    reaches the floor, not 0 (or 1).

    Attributes:
        frechet: `vael.metrics.frechet.feature_frechet`, squared units of the features.
        kid: `vael.metrics.kernel_distance.kernel_distance`.
        prdc: precision, recall, density and coverage of the samples.
        prdc_floor: the same of one half of the data against the other.
        features: the feature map.
        components: its dimensions.
        examples: of each of the sets.
    """

    frechet: Distances
    kid: Distances
    prdc: Neighbourhoods
    prdc_floor: Neighbourhoods
    features: str
    components: int
    examples: int

    def sections(self) -> dict[str, dict[str, Any]]:
        """Return the numbers of each kind, each with the feature map that they were taken in."""
        about = {
            "features": self.features,
            "components": self.components,
            "examples": self.examples,
        }
        floors = {f"{name}_floor": value for name, value in asdict(self.prdc_floor).items()}
        return {
            "frechet": {**asdict(self.frechet), **about},
            "kid": {**asdict(self.kid), **about},
            "prdc": {**asdict(self.prdc), **floors, "neighbours": NEIGHBOURS, **about},
        }


def compare_features(
    features: Features, name: str, data: Tensor, samples: Tensor, means: Tensor, most: int
) -> SampleQuality:
    """Compare samples and their means with the data, and the data with itself.

    Args:
        features: from examples ``(N, *E)`` to ``(N, F)``.
        name: of the feature map, with the data that it was fitted to.
        data: held-out examples ``(M, *E)``, at least ``2 NEIGHBOURS + 2``.
        samples: draws of the model ``(M', *E)``, at least ``NEIGHBOURS + 1``.
        means: E[x|z] behind each of them.
        most: examples to take of each set.
    """
    count = min(most, len(samples), len(data) // 2)
    # every other one: in a split that is sorted, both halves have something of everything
    first, second = (features(data[start : 2 * count : 2]).double() for start in (0, 1))
    drawn, expected = (features(x[:count]).double() for x in (samples, means))

    def compare(distance: Distance) -> Distances:
        return Distances(
            (distance(drawn, first) + distance(drawn, second)) / 2,
            (distance(expected, first) + distance(expected, second)) / 2,
            distance(first, second),
        )

    one, two = (asdict(measure_neighbourhoods(half, drawn)) for half in (first, second))
    return SampleQuality(
        frechet=compare(feature_frechet),
        kid=compare(kernel_distance),
        prdc=Neighbourhoods(**{part: (one[part] + two[part]) / 2 for part in one}),
        prdc_floor=measure_neighbourhoods(first, second),
        features=name,
        components=first.shape[1],
        examples=count,
    )


def count_components(data: Tensor, samples: Tensor) -> int:
    """Count the principal components that these examples can bear; 0 without variance."""
    count = min(len(samples), len(data) // 2)
    components = min(MOST_COMPONENTS, data[0].numel(), count // PER_COMPONENT)
    return 0 if bool((data == data[:1]).all()) else components


def compare_components(data: Tensor, samples: Tensor, means: Tensor) -> SampleQuality | None:
    """Run `compare_features` by the scores on the leading principal components of the data.

    The scores are not scaled, so the unit is that of a squared distance between examples. There
    is one component for every ten examples of a half, at most 64; None with too few for one,
    and for data that do not vary.
    """
    from sklearn.decomposition import PCA

    count, components = min(len(samples), len(data) // 2), count_components(data, samples)
    if components < 1:
        return None
    pca = PCA(components, random_state=0).fit(data.flatten(1).numpy())
    share = float(pca.explained_variance_ratio_.sum())

    def features(x: Tensor) -> Tensor:
        return data.new_tensor(pca.transform(x.flatten(1).numpy()))

    name = f"{components} principal components of the data ({share:.0%} of its variance)"
    return compare_features(features, name, data, samples, means, count)


def inception_weights() -> Path:
    """Return the path at which torch-fidelity keeps its weights."""
    return Path(torch.hub.get_dir()) / HUB_WEIGHTS / INCEPTION_WEIGHTS


def explain_no_inception(channels: int) -> str | None:
    """Say why there is no Inception distance, None where there is; nothing is downloaded."""
    if channels not in (1, 3):
        return f"not available: Inception takes grey or RGB images, these have {channels} channels"
    if find_spec("torch_fidelity") is None:
        return "not available: torch-fidelity is not installed"
    if not inception_weights().is_file():
        place = inception_weights().parent
        return f"not available: the weights {INCEPTION_WEIGHTS} are not in {place}"
    return None


def compare_inception(data: Tensor, samples: Tensor, means: Tensor) -> SampleQuality:
    """Run `compare_features` by the pool features of Inception-v3 (Heusel et al. 2017, Section 4).

    Args:
        data: images ``(M, C, H, W)`` in [0, 1], C = 1 or 3.
        samples: images of the model.
        means: E[x|z] behind each of them.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    net = FrechetInceptionDistance(
        INCEPTION_FEATURES, feature_extractor_weights_path=str(inception_weights())
    ).inception

    def features(images: Tensor) -> Tensor:
        return torch.cat(
            [
                net((part.clamp(0, 1) * 255).round().byte().expand(-1, 3, -1, -1))
                for part in torch.split(images, IMAGES_AT_ONCE)
            ]
        )

    name = "pool features of Inception-v3"
    with torch.no_grad():
        return compare_features(features, name, data, samples, means, MOST_IMAGES)
