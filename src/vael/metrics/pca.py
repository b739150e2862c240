"""Floor 6: the feature map that needs no network: principal components of the data."""

from torch import Tensor

from vael.metrics.frechet import Frechet, compare

MOST_COMPONENTS = 64
PER_COMPONENT = 10  # examples that each component must have behind it


def pca_frechet(data: Tensor, samples: Tensor, means: Tensor) -> Frechet | None:
    """`compare` by the scores on the leading principal components of the data.

    The scores are not scaled, so the unit is that of a squared distance between examples. There
    is one component for every ten examples of a half, at most 64; None with too few for one,
    and for data that do not vary.
    """
    from sklearn.decomposition import PCA

    count = min(len(samples), len(data) // 2)
    components = min(MOST_COMPONENTS, data[0].numel(), count // PER_COMPONENT)
    if components < 1 or bool((data == data[:1]).all()):
        return None
    pca = PCA(components, random_state=0).fit(data.flatten(1).numpy())
    share = float(pca.explained_variance_ratio_.sum())

    def features(x: Tensor) -> Tensor:
        return data.new_tensor(pca.transform(x.flatten(1).numpy()))

    name = f"{components} principal components of the data ({share:.0%} of its variance)"
    return compare(features, name, data, samples, means, count)
