"""Measure what each latent dimension carries, and how many carry anything."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vael.metrics.catalog import ACTIVE_THRESHOLD
from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import LatentRecord
from vael.models.vae import VAE
from vael.types import Shape

CHUNK = 256  # examples encoded or decoded at once


@dataclass(frozen=True)
class Activity:
    """How much each latent dimension carries.

    Attributes:
        values: ``(d,)``; mean KL to the prior in nats, or where that has no closed form by
            dimension, the variance of the posterior mean over the examples.
        in_nats: which of the two it is.
    """

    values: Tensor
    in_nats: bool

    def order(self, count: int | None = None) -> list[int]:
        """Return the most active dimensions first."""
        ranked: list[int] = self.values.argsort(descending=True, stable=True)[:count].tolist()
        return ranked

    def text(self, dim: int) -> str:
        """Return the value of one dimension with its unit."""
        return f"{self.values[dim]:.2f} nats" if self.in_nats else f"var {self.values[dim]:.2f}"


@dataclass(frozen=True)
class Spectrum:
    """The rate by latent dimension, and the variation of the posterior means.

    Attributes:
        names: of the dimensions, in the model's order, see `name_dim`.
        kl: mean over the data of KL(marginal of q(z|x) || marginal of p(z)) by dimension, nats;
            None where it has no closed form.
        remainder: the mean rate less the sum of ``kl``, nats: 0 for a factorised posterior, the
            mean total correlation of q(z|x) for one with a full covariance; None like ``kl``.
        variance: Var_x(E_q[z]) by dimension.
        active_units: how many of those are above ``threshold`` (Burda et al. 2016, Section 5.2,
            https://arxiv.org/abs/1509.00519).
        threshold: 0.01.
    """

    names: list[str]
    kl: list[float] | None
    remainder: float | None
    variance: list[float]
    active_units: int
    threshold: float = ACTIVE_THRESHOLD


def measure_spectrum(q: PosteriorRecord, p: LatentRecord) -> Spectrum:
    """Split the mean rate of N examples over the latent dimensions.

    Args:
        q: the posteriors, leading dimension ``(N,)``.
        p: the prior, without leading dimensions.
    """
    variance, shape = variance_over_data(q.mean), q.mean.shape[1:]
    rates = _rates_by_dim(q, p)
    rate = None if rates is None else q.kl(p)
    kl = rates.double().mean(0) if rates is not None and rate is not None else None
    return Spectrum(
        names=[name_dim(dim, shape) for dim in range(len(variance))],
        kl=None if kl is None else kl.tolist(),
        remainder=None if kl is None or rate is None else float(rate.double().mean() - kl.sum()),
        variance=variance.tolist(),
        active_units=int((variance > ACTIVE_THRESHOLD).sum()),
    )


def encode_all(
    vae: VAE, p: LatentRecord, x: Tensor, context: Tensor | None = None
) -> tuple[Tensor, Activity]:
    """Return posterior means ``(B, d)`` of all examples, and what each dimension carries.

    Given c ``(B, C)`` of each example the prior is p(z|c), whatever p is.
    """
    parts = torch.split(x, CHUNK)
    if context is None:
        return measure_activity((vae.encode(part), p) for part in parts)
    told = torch.split(context, CHUNK)
    return measure_activity(
        (vae.encode(part, context=c), vae.prior(c)) for part, c in zip(parts, told, strict=True)
    )


def measure_activity(
    batches: Iterable[tuple[LatentRecord, LatentRecord]],
) -> tuple[Tensor, Activity]:
    """Collect posterior means ``(N, d)`` and each dimension's share from q(z|x) and p(z)."""
    means, rates = [], []
    for q, p in batches:
        means.append(q.mean.flatten(1))
        rates.append(_rates_by_dim(q, p))
    mu = torch.cat(means)
    known = [by_dim for by_dim in rates if by_dim is not None]
    if len(known) == len(rates):
        return mu, Activity(torch.cat(known).mean(0), True)
    return mu, Activity(mu.var(0, correction=0), False)


def name_dim(dim: int, shape: Shape) -> str:
    """Name a number of a latent of this shape: ``z5``, or of a map ``z2[3,4]``.

    There 2 is the channel, 3 the row and 4 the column.
    """
    first, *rest = (int(place) for place in np.unravel_index(dim, shape))
    return f"z{first}[{','.join(map(str, rest))}]" if rest else f"z{first}"


def variance_over_data(means: Tensor) -> Tensor:
    """Return Var_x(E_q[z]) by dimension, ``(d,)`` float64: the activity of Burda et al. 2016."""
    return means.flatten(1).double().var(0, correction=0)


def _rates_by_dim(q: LatentRecord, p: LatentRecord) -> Tensor | None:
    """Return KL of the marginals, nats, ``(B, d)``; None where it has no closed form."""
    factors = q.factors(p) if isinstance(q, PosteriorRecord) else None
    return None if factors is None else factors.flatten(1)
