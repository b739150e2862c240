"""Draw what the diagnostics of an evaluation look at from a trained model."""

import math
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from vael.data.batches import EVAL_CHUNK
from vael.metrics.chunk_noise import ChunkNoise
from vael.models.latents.base import layer_rate
from vael.models.posteriors.base import PosteriorRecord
from vael.models.priors.conditional import MovedRecord
from vael.models.trace import LatentRecord, map_tensors
from vael.pretrained.scoring import Part, Scorer
from vael.randomness import derive_seed
from vael.types import DataSpec

MAX_FLOATS = 2**24
"""Size of each array of images that is handed over: at most 64 MiB of float32."""

MAX_TRAIN = 10_000
"""At most so many training examples stand behind ``train_means``."""


R = TypeVar("R", bound=LatentRecord)


@dataclass(frozen=True)
class DiagnosticInputs:
    """Hold what diagnostics may look at: all on the CPU, in float32, in the order of the split.

    N examples of the split, the first M of them as arrays of the shape of x (M = N unless N * D
    is above ``MAX_FLOATS``), T training examples.

    Attributes:
        spec: the data.
        split: whose examples these are.
        q: q(z|x) of the top layer with leading dimension ``(N,)``; ``q.log_prob(z[:, None])`` is
            the ``(N, N)`` table of log q(z_i|x_j).
        p: p(z) of the top layer, without leading dimensions; p(z|c) of a conditional prior has
            ``(N,)``.
        z: one draw of q(z|x) for each example, ``(N, *Z)``.
        labels: ``(N,)`` int64, or None.
        factors: ``(N, F)`` int64, what the examples were made from; or None.
        train_means: E[z] of the top layer for T training examples, ``(T, d)``, d = prod(Z).
        train_labels: ``(T,)`` int64, or None.
        originals: x as the likelihood sees it, ``(M, *E)``.
        reconstructions: E[x|z] at that z, ``(M, *E)``.
        samples: M draws of x ~ p(x|z), z ~ p(z), ``(M, *E)``.
        sample_means: E[x|z] at the same z ~ p(z), ``(M, *E)``.
        seed: for whatever must be drawn: the same seed, the same numbers.
        top_is_exact: whether q is q(z|x) itself; False: it is given the layers below at their
            means.
        layers: mean rate and posterior means ``(N, d)`` of each layer, from the top down.
    """

    spec: DataSpec
    split: str
    q: PosteriorRecord
    p: LatentRecord
    z: Tensor
    labels: Tensor | None
    factors: Tensor | None
    train_means: Tensor
    train_labels: Tensor | None
    originals: Tensor
    reconstructions: Tensor
    samples: Tensor
    sample_means: Tensor
    seed: int
    top_is_exact: bool = True
    layers: tuple[tuple[float, Tensor], ...] = ()


def gather_inputs(scorer: Scorer, split: Part) -> DiagnosticInputs:
    """Encode the split and a part of the training data once, and draw from the prior."""
    with torch.inference_mode(), scorer.precision():
        return _gather(scorer, split)


def _gather(scorer: Scorer, split: Part) -> DiagnosticInputs:
    vae, spec = scorer.vae, scorer.trained.spec
    kept = min(len(scorer.examples(split).index), MAX_FLOATS // spec.num_dims)
    records, priors, draws, labels, seen, again = [], [], [], [], [], []
    layers: list[list[tuple[Tensor, Tensor]]] = []
    for number, batch in enumerate(scorer.examples(split)):
        x = scorer.x(split, batch)
        draw = ChunkNoise(scorer.latent, x, split.split, batch.chunk)
        eps = tuple(draw(0, z, layer)[None] for layer, z in enumerate(vae.noise_shapes))
        c = scorer.context(batch)
        read = vae.latents.read(vae.show(*vae.split_holes(x)), context=c)
        h, latents = vae.latents.draw(read, eps)
        if len(latents) > 1:
            found = zip(latents, vae.latents.means(read, latents), strict=True)
            layers.append([(layer_rate(each)[0].cpu(), m.flatten(1).cpu()) for each, m in found])
        q = latents[0].q if vae.latents.top_is_exact else vae.encode(x, context=c)
        assert isinstance(q, PosteriorRecord)
        records.append(_move(q))
        priors.append(_move(latents[0].p))
        draws.append(latents[0].z[0].float().cpu())
        labels.append(batch.y)
        left = kept - number * EVAL_CHUNK
        if left > 0:
            seen.append(x[:left].float().cpu())
            again.append(vae.decode(h, context=c).mean[0, :left].float().cpu())
    train = Part("train", MAX_TRAIN)
    means, train_labels = [], []
    for batch in scorer.examples(train):
        q = vae.encode(scorer.x(train, batch), context=scorer.context(batch))
        means.append(q.mean.flatten(1).float().cpu())
        train_labels.append(batch.y)
    samples, sample_means = _from_prior(scorer, split, kept)
    return DiagnosticInputs(
        spec=spec,
        split=split.split,
        q=_join(records),
        p=_join_priors(priors, records[0]),
        z=torch.cat(draws),
        labels=_labels(labels),
        factors=_factors(scorer, split),
        train_means=torch.cat(means),
        train_labels=_labels(train_labels),
        originals=torch.cat(seen),
        reconstructions=torch.cat(again),
        samples=samples,
        sample_means=sample_means,
        seed=derive_seed(scorer.trained.seeds.latent, "diagnosis"),
        top_is_exact=vae.latents.top_is_exact,
        layers=tuple(map(_join_layer, *layers)) if layers else (),
    )


def _from_prior(scorer: Scorer, split: Part, count: int) -> tuple[Tensor, Tensor]:
    """Draw x, and take E[x|z] at the same z from the prior, given what the split is told."""
    drawn, means = [], []
    for chunk in range(math.ceil(count / EVAL_CHUNK)):
        size = min(EVAL_CHUNK, count - chunk * EVAL_CHUNK)
        source = scorer.latent.at(scorer.device, "prior", chunk)
        eps = tuple(
            torch.randn(1, size, *shape, generator=source, device=scorer.device)
            for shape in scorer.vae.prior_noise_shapes
        )
        c = scorer.context(scorer.examples(split).at(chunk))
        px = scorer.vae.sample(eps, context=None if c is None else c[:size])
        mean = px.mean
        drawn.append(px.sample(torch.rand(mean.shape, generator=source, device=scorer.device)))
        means.append(mean)
    return tuple(torch.cat([t[0].float().cpu() for t in list_]) for list_ in (drawn, means))  # type: ignore[return-value]


def _join_layer(*parts: tuple[Tensor, Tensor]) -> tuple[float, Tensor]:
    """Return the mean rate of a layer over all examples, and its means of all."""
    rates, means = zip(*parts, strict=True)
    return float(torch.cat(rates).double().mean()), torch.cat(means)


def _labels(batches: Iterable[Tensor | None]) -> Tensor | None:
    known = [y for y in batches if y is not None]
    return torch.cat(known) if known else None


def _factors(scorer: Scorer, split: Part) -> Tensor | None:
    arrays, _ = scorer.trained.data.select(split.split)
    known, index = arrays.factors, scorer.examples(split).index
    return None if known is None else torch.from_numpy(known[index]).long()


def _move(record: R) -> R:
    """Return a record, with what it is made of, on the CPU in float32."""
    moved = map_tensors(_to_cpu, record)
    modules = {name: v for name, v in vars(record).items() if isinstance(v, nn.Module)}
    copies = {
        name: deepcopy(module).float().cpu().requires_grad_(False)
        for name, module in modules.items()
    }
    return replace(moved, **copies)  # type: ignore[type-var]


def _join_priors(priors: list[LatentRecord], q: PosteriorRecord) -> LatentRecord:
    """Return one prior: the only one, or that of all examples where each has its own."""
    last = priors[-1]
    if last.mean.ndim < q.mean.ndim:
        return last
    if isinstance(last, MovedRecord):  # what is moved is the same for all
        mu, log_sigma = (
            torch.cat([getattr(p, name) for p in priors]) for name in ("mu", "log_sigma")
        )
        return replace(last, mu=mu, log_sigma=log_sigma)
    return map_tensors(lambda *parts: torch.cat(parts), *priors)


def _to_cpu(tensor: Tensor) -> Tensor:
    return tensor.float().cpu() if tensor.is_floating_point() else tensor.cpu()


def _join(records: list[PosteriorRecord]) -> PosteriorRecord:
    """Return one record of all examples: its tensors all lead with ``(B,)``."""
    return map_tensors(lambda *parts: torch.cat(parts), *records)
