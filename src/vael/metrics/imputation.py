"""Impute missing values from a trained model, by its importance weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.metrics.evidence import draw_latents, samples_per_pass
from vael.models.trace import log_ratio
from vael.models.vae import VAE


@dataclass(frozen=True)
class Imputed:
    """What the observed values of B examples say of the others, as the likelihood sees x.

    Attributes:
        mean: E[x|observed], ``(B, *E)``, in float64; also where x is observed.
        draws: of x from p(x|observed), ``(M, B, *E)``; M may be 0.
        log_hidden: log p(hidden values|observed), nats, ``(B,)``, where some were hidden.
    """

    mean: Tensor
    draws: Tensor
    log_hidden: Tensor | None


def impute(
    vae: VAE,
    x: Tensor,
    eps: Callable[..., Tensor],
    samples: int,
    *,
    context: Tensor | None = None,
    hidden: tuple[Tensor, Tensor] | None = None,
    draws: int = 0,
    generator: torch.Generator | None = None,
) -> Imputed:
    """Average p(x|z) over z ~ q(z|observed) with the weights ``w = p(observed, z) / q(z)``.

    ``E[x|observed] = sum_s w_s E[x|z_s] / sum_s w_s`` (Mattei and Frellsen 2019,
    https://arxiv.org/abs/1812.02633, Eq. 12), right for many samples; draws choose their z by the
    weights. ``log p(hidden|observed) = log sum_s w_s p(hidden|z_s) / sum_s w_s``.

    Args:
        vae: the model.
        x: ``(B, *E)`` as the likelihood sees it; NaN is a missing value.
        eps: noise ``(B, *Z)`` of sample number s for the event shape Z; asked in order.
        samples: K.
        context: c of each example, of a conditional model.
        hidden: values ``(B, *E)`` and where they are looked at, of what x does not show.
        draws: M.
        generator: of the draws, on the device of x.
    """
    x, mask = vae.split_holes(x)
    emitted = math.prod(vae.likelihood.family.theta_shape)
    at_once = samples_per_pass(len(x), math.prod(x.shape[1:]), samples, emitted, x.device)
    top = x.new_full((len(x),), -math.inf, dtype=torch.float64)
    total, mean = torch.zeros_like(top), torch.zeros_like(x, dtype=torch.float64)
    weights, looked, kept = [], [], []
    for h, latents in draw_latents(vae, vae.show(x, mask), eps, samples, context):
        ratios = torch.split(log_ratio(latents), at_once)
        for piece, ratio in zip(torch.split(h, at_once), ratios, strict=True):
            px = vae.decode(piece, context=context)
            log_w = (vae.log_likelihood(px, x, mask) + ratio).double()
            higher = torch.maximum(top, log_w.amax(0))
            w, shrink = (log_w - higher).exp(), (top - higher).exp()
            total = total * shrink + w.sum(0)
            mean = _times(mean, shrink) + _times(px.mean.double(), w).sum(0)
            top = higher
            weights.append(log_w)
            if hidden is not None:
                looked.append(vae.log_likelihood(px, *hidden).double())
        if draws:
            kept.append(h)
    log_w = torch.cat(weights)
    drawn = x.new_zeros(0, *x.shape)
    if draws:
        z = _resample(torch.cat(kept), log_w, draws, generator)
        px = vae.decode(z, context=context)
        drawn = px.sample(torch.rand(px.mean.shape, generator=generator, device=x.device))
    log_hidden = None
    if hidden is not None:
        log_hidden = torch.logsumexp(log_w + torch.cat(looked), 0) - torch.logsumexp(log_w, 0)
    return Imputed(_times(mean, 1 / total), drawn, log_hidden)


def _times(value: Tensor, factor: Tensor) -> Tensor:
    """Multiply ``(*lead, *E)`` by one number for each of lead."""
    return value * factor.reshape(*factor.shape, *[1] * (value.ndim - factor.ndim))


def _resample(h: Tensor, log_w: Tensor, draws: int, generator: torch.Generator | None) -> Tensor:
    """Return ``(M, B, *H)`` of ``(K, B, *H)``, chosen for each example by its weights."""
    chances = torch.softmax(log_w.T, 1)
    chosen = torch.multinomial(chances, draws, replacement=True, generator=generator).T
    return h[chosen, torch.arange(h.shape[1], device=h.device)]
