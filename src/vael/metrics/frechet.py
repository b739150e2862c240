"""Measure the Fréchet distance between samples and data, in features of any kind."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

Features = Callable[[Tensor], Tensor]

MOST_COMPONENTS = 64
PER_COMPONENT = 10  # examples that each component must have behind it

HUB_WEIGHTS = "checkpoints"  # where torch.hub keeps files
INCEPTION_WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"  # what torch-fidelity downloads
INCEPTION_FEATURES = 2048
MOST_IMAGES = 2500  # of each set: minutes on a CPU
IMAGES_AT_ONCE = 50


@dataclass(frozen=True)
class Frechet:
    """Distances with their floor, each from ``examples`` against ``examples`` examples.

    The data is split into two halves. How far finite samples of one distribution are apart is the
    floor, the distance from half to half; the others are means over the distances to either half,
    so a perfect model reaches the floor, not 0.

    Attributes:
        distance: of samples x ~ p(x|z), z ~ p(z), squared units of the features.
        distance_of_means: of E[x|z] at the same z ~ p(z), which are often shown as samples.
        floor: of data.
        features: the feature map.
        components: its dimensions.
        examples: of each of the sets.
    """

    distance: float
    distance_of_means: float
    floor: float
    features: str
    components: int
    examples: int


def gaussian_frechet(mean: Tensor, cov: Tensor, other_mean: Tensor, other_cov: Tensor) -> float:
    """Return ``|m - m'|^2 + tr(C + C' - 2 (C^1/2 C' C^1/2)^1/2)``: Dowson and Landau 1982, Eq. 16.

    By eigenvalues of symmetric matrices only, so singular covariances are no difficulty.

    Args:
        mean: ``(F,)``, float64.
        cov: ``(F, F)``, float64.
        other_mean: ``(F,)``, float64.
        other_cov: ``(F, F)``, float64.
    """
    values, vectors = torch.linalg.eigh(cov)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.mT
    product = torch.linalg.eigvalsh(root @ other_cov @ root)
    cross = product.clamp(min=0).sqrt().sum()
    square = (mean - other_mean).square().sum()
    return float(square + cov.trace() + other_cov.trace() - 2 * cross)


def feature_frechet(features: Tensor, other: Tensor) -> float:
    """Return the distance between normal distributions fitted to two sets of features."""
    return gaussian_frechet(*_moments(features), *_moments(other))


def compare_features(
    features: Features, name: str, data: Tensor, samples: Tensor, means: Tensor, most: int
) -> Frechet:
    """Return distances from samples and their means to the data, and from data to data.

    Args:
        features: from examples ``(N, *E)`` to ``(N, F)``.
        name: of the feature map, with the data that it was fitted to.
        data: at least 4 held-out examples ``(M, *E)``.
        samples: at least 2 draws of the model ``(M', *E)``.
        means: E[x|z] behind each of them.
        most: examples to take of each set.
    """
    count = min(most, len(samples), len(data) // 2)
    # every other one: in a split that is sorted, both halves have something of everything
    halves = [features(data[start : 2 * count : 2]).double() for start in (0, 1)]

    def distance(drawn: Tensor) -> float:
        own = features(drawn[:count]).double()
        return sum(feature_frechet(own, half) for half in halves) / 2

    return Frechet(
        distance(samples),
        distance(means),
        feature_frechet(*halves),
        name,
        halves[0].shape[1],
        count,
    )


def count_components(data: Tensor, samples: Tensor) -> int:
    """Count the principal components that these examples can bear; 0 without variance."""
    count = min(len(samples), len(data) // 2)
    components = min(MOST_COMPONENTS, data[0].numel(), count // PER_COMPONENT)
    return 0 if bool((data == data[:1]).all()) else components


def pca_frechet(data: Tensor, samples: Tensor, means: Tensor) -> Frechet | None:
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


def inception_frechet(data: Tensor, samples: Tensor, means: Tensor) -> Frechet:
    """Run `compare_features` by the pool features of Inception-v3 (Heusel et al. 2017, Section 4).

    Args:
        data: at least 4 images ``(M, C, H, W)`` in [0, 1], C = 1 or 3.
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


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    return features.mean(0), torch.cov(features.mT).reshape(features.shape[1], -1)
