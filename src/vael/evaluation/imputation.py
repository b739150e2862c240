"""Score the imputation of cells that are observed but hidden, against the mean of their column."""

import math
from typing import Any

import torch
from torch import Tensor

from vael.evaluation.diagnostic_inputs import MAX_TRAIN
from vael.metrics.evidence import chunk_noise
from vael.metrics.imputation import impute
from vael.pretrained.scoring import Part, Scorer

SHARE = 0.1  # of the observed cells


@torch.inference_mode()
def score_imputation(scorer: Scorer, split: Part) -> dict[str, Any]:
    """Hide a tenth of the observed cells of a split and impute them; the seed is the data's.

    Returns:
        ``rmse`` of the hidden cells as the model sees x (in standard deviations of a table's
        columns) and ``log_likelihood``, nats a cell, given what is left; ``mean_rmse`` of the mean
        of each dimension over the training examples, and without levels ``mean_log_likelihood``
        of the normal with its variance; ``cells``, ``share``, ``samples``.
    """
    mean, variance = _moments(scorer)
    cells, sums = 0, torch.zeros(4, dtype=torch.float64)
    for batch in scorer.examples(split):
        x = scorer.x(split, batch)
        hidden = choose_hidden(x, scorer.corruption.at(torch.device("cpu"), "hide", batch.chunk))
        if not hidden.any():
            continue
        eps = chunk_noise(scorer.latent, x, f"{split.split} imputed", batch.chunk)
        found = impute(
            scorer.vae,
            torch.where(hidden, math.nan, x),
            eps,
            scorer.samples,
            context=scorer.context(batch),
            hidden=(torch.where(hidden, x, 0), hidden),
        )
        assert found.log_hidden is not None
        error = (found.mean - x)[hidden].square().sum()
        away = (x - mean).square()
        normal = -0.5 * (away / variance + variance.log() + math.log(2 * math.pi))
        parts = (error, found.log_hidden.sum(), away[hidden].sum(), normal[hidden].sum())
        sums += torch.stack([part.double().cpu() for part in parts])
        cells += int(hidden.sum())
    if not cells:
        return {}
    error, log_p, away, normal = (sums / cells).tolist()
    result = {
        "rmse": math.sqrt(error),
        "mean_rmse": math.sqrt(away),
        "log_likelihood": log_p,
        "cells": cells,
        "share": SHARE,
        "samples": scorer.samples,
    }
    if scorer.trained.spec.levels is None:
        result["mean_log_likelihood"] = normal
    return result


def choose_hidden(x: Tensor, generator: torch.Generator) -> Tensor:
    """Choose a tenth of the observed cells ``(B, *E)``; no example loses its last one."""
    there = ~torch.isnan(x)
    drawn = torch.rand(x.shape, generator=generator).to(x.device) < SHARE
    hidden = there & drawn
    lost = (hidden == there).flatten(1).all(1)
    return hidden & ~lost.reshape(-1, *[1] * (x.ndim - 1))


def _moments(scorer: Scorer) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each dimension over what is observed of training examples."""
    train = Part("train", MAX_TRAIN)
    parts = [scorer.x(train, batch).double() for batch in scorer.examples(train)]
    x = torch.cat(parts)
    mean = x.nanmean(0)
    return mean.nan_to_num(), (x - mean).square().nanmean(0).nan_to_num(1.0).clamp(min=1e-12)
