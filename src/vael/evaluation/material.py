"""Floor 9: what the diagnostics of an evaluation look at, drawn from a trained model."""

import math
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TypeVar

import torch
from torch import Tensor

from vael.data.batches import EVAL_CHUNK
from vael.metrics.diagnose import MAX_FLOATS, MAX_TRAIN, Material
from vael.metrics.evidence import chunk_noise
from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import LatentRecord
from vael.pretrained.scoring import Part, Scorer
from vael.randomness import key

R = TypeVar("R", bound=LatentRecord)


def gather(scorer: Scorer, split: Part) -> Material:
    """Encodes the split and a part of the training data once, and draws from the prior."""
    with torch.inference_mode(), scorer.precision():
        return _gather(scorer, split)


def _gather(scorer: Scorer, split: Part) -> Material:
    vae, spec = scorer.vae, scorer.trained.spec
    kept = min(len(scorer.examples(split).index), MAX_FLOATS // spec.num_dims)
    records, draws, labels, seen, again = [], [], [], [], []
    for number, batch in enumerate(scorer.examples(split)):
        x = scorer.x(split, batch)
        draw = chunk_noise(scorer.latent, x, split.split, batch.chunk)
        eps = tuple(draw(0, shape)[None] for shape in vae.noise_shapes)
        h, latents = vae.latents.infer(x, eps)
        assert isinstance(latents[0].q, PosteriorRecord)
        records.append(_move(latents[0].q))
        draws.append(latents[0].z[0].float().cpu())
        labels.append(batch.y)
        left = kept - number * EVAL_CHUNK
        if left > 0:
            seen.append(x[:left].float().cpu())
            again.append(vae.decode(h).mean[0, :left].float().cpu())
    train = Part("train", MAX_TRAIN)
    means, train_labels = [], []
    for batch in scorer.examples(train):
        means.append(vae.encode(scorer.x(train, batch)).mean.flatten(1).float().cpu())
        train_labels.append(batch.y)
    samples, sample_means = _from_prior(scorer, kept)
    return Material(
        spec=spec,
        split=split.split,
        q=_joined(records),
        p=_move(latents[0].p),
        z=torch.cat(draws),
        labels=_labels(labels),
        train_means=torch.cat(means),
        train_labels=_labels(train_labels),
        originals=torch.cat(seen),
        reconstructions=torch.cat(again),
        samples=samples,
        sample_means=sample_means,
        seed=key(scorer.trained.seeds.latent, "diagnosis"),
    )


def _from_prior(scorer: Scorer, count: int) -> tuple[Tensor, Tensor]:
    """Draws of x, and E[x|z] at the same z from the prior."""
    drawn, means = [], []
    for chunk in range(math.ceil(count / EVAL_CHUNK)):
        size = min(EVAL_CHUNK, count - chunk * EVAL_CHUNK)
        source = scorer.latent.at(scorer.device, "prior", chunk)
        eps = tuple(
            torch.randn(1, size, *shape, generator=source, device=scorer.device)
            for shape in scorer.vae.noise_shapes
        )
        px = scorer.vae.sample(eps)
        mean = px.mean
        drawn.append(px.sample(torch.rand(mean.shape, generator=source, device=scorer.device)))
        means.append(mean)
    return tuple(torch.cat([t[0].float().cpu() for t in list_]) for list_ in (drawn, means))  # type: ignore[return-value]


def _labels(batches: Iterable[Tensor | None]) -> Tensor | None:
    known = [y for y in batches if y is not None]
    return torch.cat(known) if known else None


def _move(record: R) -> R:
    """A record on the CPU in float32."""
    return replace(
        record,
        **{  # type: ignore[type-var]
            field.name: getattr(record, field.name).float().cpu()
            for field in fields(record)  # type: ignore[arg-type]
            if isinstance(getattr(record, field.name), Tensor)
        },
    )


def _joined(records: list[PosteriorRecord]) -> PosteriorRecord:
    """One record of all examples: its tensors all lead with ``(B,)``."""
    joined: PosteriorRecord = replace(
        records[0],
        **{  # type: ignore[type-var]
            field.name: torch.cat([getattr(record, field.name) for record in records])
            for field in fields(records[0])  # type: ignore[arg-type]
            if isinstance(getattr(records[0], field.name), Tensor)
        },
    )
    return joined
