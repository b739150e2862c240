"""Floor 6: what an evaluation says beyond the bounds: the latents, the pictures, the labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from vael.posteriors.base import PosteriorRecord
from vael.trace import LatentRecord
from vael.types import DataSpec

MAX_FLOATS = 2**24
"""Size of each array of images that is handed over: at most 64 MiB of float32."""

MAX_TRAIN = 10_000
"""At most so many training examples stand behind ``train_means``."""


@dataclass(frozen=True)
class Material:
    """What `diagnose` may look at: all on the CPU, in float32, in the order of the split.

    N examples of the split, the first M of them as arrays of the shape of x (M = N unless N * D
    is above ``MAX_FLOATS``), T training examples.

    Attributes:
        spec: the data.
        split: whose examples these are.
        q: q(z|x) of the top layer with leading dimension ``(N,)``; ``q.log_prob(z[:, None])`` is
            the ``(N, N)`` table of log q(z_i|x_j).
        p: p(z) of the top layer, without leading dimensions.
        z: one draw of q(z|x) for each example, ``(N, *Z)``.
        labels: ``(N,)`` int64, or None.
        train_means: E[z] of the top layer for T training examples, ``(T, d)``, d = prod(Z).
        train_labels: ``(T,)`` int64, or None.
        originals: x as the likelihood sees it, ``(M, *E)``.
        reconstructions: E[x|z] at that z, ``(M, *E)``.
        samples: M draws of x ~ p(x|z), z ~ p(z), ``(M, *E)``.
        sample_means: E[x|z] at the same z ~ p(z), ``(M, *E)``.
        seed: for whatever must be drawn: the same seed, the same numbers.
    """

    spec: DataSpec
    split: str
    q: PosteriorRecord
    p: LatentRecord
    z: Tensor
    labels: Tensor | None
    train_means: Tensor
    train_labels: Tensor | None
    originals: Tensor
    reconstructions: Tensor
    samples: Tensor
    sample_means: Tensor
    seed: int


@dataclass(frozen=True)
class Diagnosis:
    """Sections of evaluation.json: numbers, texts and lists of them; empty where nothing fits.

    Attributes:
        latents: KL spectrum, active units, mutual information, aggregate KL, with their
            estimators and sample sizes.
        quality: ssim of the reconstructions, Fréchet distance of the samples.
        probe: what the latent means say of the labels.
        warnings: one sentence each, for whoever reads the numbers.
    """

    latents: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    probe: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def diagnose(material: Material) -> Diagnosis:
    """Every diagnostic that this material allows."""
    return Diagnosis()
