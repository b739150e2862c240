"""Score the imputation of cells that are observed but hidden, against the mean of their column."""

import math
from typing import Any

import torch
from torch import Tensor

from vael.data.families import NUMBERS
from vael.evaluation.diagnostic_inputs import MAX_TRAIN
from vael.metrics.chunk_noise import ChunkNoise
from vael.metrics.imputation import impute
from vael.pretrained.scoring import Part, Scorer
from vael.types import DataSpec

SHARE = 0.1  # of the observed cells


@torch.inference_mode()
def score_imputation(scorer: Scorer, split: Part) -> dict[str, Any]:
    """Hide a tenth of the observed cells of a split and impute them; the seed is the data's.

    Returns:
        ``rmse`` of hidden numbers (of a table in standard deviations of their columns),
        ``accuracy`` of hidden categories and truth values, ``log_likelihood`` of all hidden cells
        given what is left, nats a cell; beside the first two ``mean_rmse`` and ``mode_accuracy``
        of the mean and the mode in training; where all is one density ``mean_log_likelihood`` of
        the normal with the mean and variance in training; ``cells``, ``share``, ``samples``.
    """
    spec = scorer.trained.spec
    mean, variance = _moments(scorer)
    scale = variance if len(spec.event_shape) == 1 else torch.ones_like(variance)
    groups, is_number = _list_groups(spec)
    kept: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for batch in scorer.examples(split):
        x = scorer.x(split, batch)
        source = scorer.corruption.at(torch.device("cpu"), "hide", split.split, batch.chunk)
        hidden = choose_hidden(x, source, groups)
        found = impute(
            scorer.vae,
            torch.where(hidden, math.nan, x),
            ChunkNoise(scorer.latent, x, f"{split.split} imputed", batch.chunk),
            scorer.samples,
            context=scorer.context(batch),
            hidden=(torch.where(hidden, x, 0), hidden),
        )
        assert found.log_hidden is not None
        kept.append((x.double(), found.mean, hidden, found.log_hidden))
    x, imputed, hidden, log_hidden = (torch.cat(parts) for parts in zip(*kept, strict=True))
    cells = int(hidden.sum())
    if not cells:
        return {}
    result: dict[str, Any] = {"log_likelihood": float(log_hidden.sum() / cells)}
    numbers = hidden & is_number
    if numbers.any():
        for name, guess in (("rmse", imputed), ("mean_rmse", mean.expand_as(x))):
            squares = (guess - x).square() / scale
            result[name] = math.sqrt(float(squares[numbers].mean()))
    if spec.families:
        for name, guess in (("accuracy", imputed), ("mode_accuracy", mean.expand_as(x))):
            hits = _hits(spec, x, guess, hidden)
            if len(hits):
                result[name] = float(hits.double().mean())
    elif spec.levels is None:
        normal = (x - mean).square() / variance + variance.log() + math.log(2 * math.pi)
        result["mean_log_likelihood"] = float(-0.5 * normal[hidden].mean())
    return {**result, "cells": cells, "share": SHARE, "samples": scorer.samples}


def choose_hidden(x: Tensor, generator: torch.Generator, groups: Tensor | None = None) -> Tensor:
    """Choose a tenth of the observed cells ``(B, *E)``; no example loses its last one.

    Args:
        x: NaN is a missing value.
        generator: on the CPU.
        groups: of each column of a table the first of its variable: they are hidden together.
    """
    there = ~torch.isnan(x)
    drawn = torch.rand(x.shape, generator=generator)
    if groups is not None:
        drawn = drawn[:, groups]
    hidden = there & (drawn.to(x.device) < SHARE)
    lost = (hidden == there).flatten(1).all(1)
    return hidden & ~lost.reshape(-1, *[1] * (x.ndim - 1))


def _list_groups(spec: DataSpec) -> tuple[Tensor | None, Tensor]:
    """Return the first column of each column's variable, and which columns hold numbers."""
    if not spec.families:
        return None, torch.ones((), dtype=torch.bool)
    groups = torch.tensor([spec.families.index(each) for each in spec.families])
    return groups, torch.tensor([family in NUMBERS for family, _ in spec.families])


def _hits(spec: DataSpec, x: Tensor, guess: Tensor, hidden: Tensor) -> Tensor:
    """Return whether the likeliest value of each hidden category and truth value is right."""
    hits = [torch.zeros(0, dtype=torch.bool)]
    for each in dict.fromkeys(spec.families):
        at = [n for n, other in enumerate(spec.families) if other == each]
        rows = hidden[:, at[0]]
        if each[0] == "categorical":
            hits.append(guess[rows][:, at].argmax(1) == x[rows][:, at].argmax(1))
        elif each[0] == "bernoulli":
            hits.append((guess[rows, at[0]] > 0.5) == (x[rows, at[0]] > 0.5))
    return torch.cat([hit.cpu() for hit in hits])


def _moments(scorer: Scorer) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each dimension over what is observed of training examples."""
    train = Part("train", MAX_TRAIN)
    x = torch.cat([scorer.x(train, batch).double() for batch in scorer.examples(train)])
    mean = x.nanmean(0)
    variance = (x - mean).square().nanmean(0)
    return mean.nan_to_num(), variance.nan_to_num(1.0).clamp(min=1e-12)
