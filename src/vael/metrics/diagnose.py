"""Floor 6: what an evaluation says beyond the bounds: the latents, the pictures, the labels."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from vael.metrics.aggregate import aggregate
from vael.metrics.inception import inception_frechet, missing
from vael.metrics.latent_activity import spectrum
from vael.metrics.pairwise import Normals
from vael.metrics.pca import pca_frechet
from vael.metrics.probe import probe
from vael.metrics.reconstruction import reconstruction
from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import LatentRecord
from vael.randomness import Noise
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
        latents: ``spectrum`` (the fields of `Spectrum`) and ``aggregate`` (of `Aggregate`).
        quality: ``reconstruction`` (of `Reconstruction`), ``frechet`` (of `Frechet`), and
            ``inception``, the same or one sentence of why it is not there.
        probe: the fields of `Probe`, what the latent means say of the labels.
        warnings: one sentence each, for whoever reads the numbers.
    """

    latents: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    probe: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def diagnose(material: Material) -> Diagnosis:
    """Every diagnostic that this material allows; the same material gives the same numbers."""
    latents, about_latents = _latents(material)
    probed, about_probe = _probe(material)
    return Diagnosis(latents, _quality(material), probed, (*about_latents, *about_probe))


def _latents(material: Material) -> tuple[dict[str, Any], list[str]]:
    """``spectrum`` and, for normal posteriors, ``aggregate``; warnings."""
    q, p, warnings = material.q, material.p, []
    by_dim = spectrum(q, p)
    found: dict[str, Any] = {"spectrum": asdict(by_dim)}
    if not by_dim.active_units:
        warnings.append(
            "no latent dimension is active: the posterior means hardly depend on x (collapse)."
        )
    if not isinstance(q, Normals):
        warnings.append(
            "there is no mutual information: the aggregate posterior is estimated for normal and "
            f"full_normal posteriors, not for {type(q).__name__}."
        )
        return found, warnings
    if len(q.mu) < 2:
        return found, warnings
    noise = Noise(material.seed, "latent").at(torch.device("cpu"), "aggregate", material.split)
    whole = aggregate(q, p, noise)
    found["aggregate"] = asdict(whole)
    if whole.saturated:
        warnings.append(
            f"the mutual information of {whole.mutual_information:.2f} nats is saturated: "
            f"{whole.examples:,} examples can show at most log N = {whole.log_examples:.2f} nats. "
            f"I(x;z) lies between it and the rate, KL(q(z) || p(z)) between 0 and the "
            f"{whole.marginal_kl:.2f} nats estimated."
        )
    return found, warnings


def _quality(material: Material) -> dict[str, Any]:
    """``reconstruction``, ``frechet`` and for images ``inception``."""
    x, drawn = material.originals, (material.samples, material.sample_means)
    images = x.ndim == 4 and material.spec.support == "unit"
    scored = reconstruction(x, material.reconstructions, images)
    found: dict[str, Any] = {"reconstruction": asdict(scored)}
    if not all(torch.isfinite(t).all() for t in (x, *drawn)):
        return found
    distances = pca_frechet(x, *drawn)
    if distances is not None:
        found["frechet"] = asdict(distances)
        if images:
            why = missing(x.shape[1])
            found["inception"] = why or asdict(inception_frechet(x, *drawn))
    return found


def _probe(material: Material) -> tuple[dict[str, Any], list[str]]:
    """Accuracies of classifiers on the latent means; warnings."""
    means, train = material.q.mean.flatten(1), material.train_means
    if material.labels is None or material.train_labels is None:
        return {}, []
    if not (torch.isfinite(means).all() and torch.isfinite(train).all()):
        return {}, ["there is no probe of the labels: some latent means are not finite."]
    scored = probe(train, material.train_labels, means, material.labels)
    if scored is None:
        return {}, []
    warnings = []
    if material.split == "train":
        warnings.append("the probes are fitted to examples that they are scored on.")
    if not scored.converged:
        warnings.append("the linear probe's optimiser did not converge: it may do better.")
    return asdict(scored), warnings
