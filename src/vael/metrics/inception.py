"""Floor 6: the Fréchet Inception distance, where its network is already on this machine."""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from vael.metrics.frechet import Frechet, compare

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"  # the file that torch-fidelity downloads
FEATURES = 2048
MOST_EXAMPLES = 2500  # of each set: minutes on a CPU
CHUNK = 50


def weights_path() -> Path:
    """Where torch-fidelity keeps its weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS


def missing(channels: int) -> str | None:
    """Why there is no Inception distance, or None where there is one; nothing is downloaded."""
    if channels not in (1, 3):
        return f"not available: Inception takes grey or RGB images, these have {channels} channels"
    if find_spec("torch_fidelity") is None:
        return "not available: torch-fidelity is not installed"
    if not weights_path().is_file():
        return f"not available: the weights {WEIGHTS} are not in {weights_path().parent}"
    return None


def inception_frechet(data: Tensor, samples: Tensor, means: Tensor) -> Frechet:
    """`compare` by the pool features of Inception-v3 (Heusel et al. 2017, Section 4).

    Args:
        data: at least 4 images ``(M, C, H, W)`` in [0, 1], C = 1 or 3.
        samples: images of the model.
        means: E[x|z] behind each of them.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    net = FrechetInceptionDistance(
        FEATURES, feature_extractor_weights_path=str(weights_path())
    ).inception

    def features(images: Tensor) -> Tensor:
        return torch.cat(
            [
                net((part.clamp(0, 1) * 255).round().byte().expand(-1, 3, -1, -1))
                for part in torch.split(images, CHUNK)
            ]
        )

    name = "pool features of Inception-v3"
    with torch.no_grad():
        return compare(features, name, data, samples, means, MOST_EXAMPLES)
