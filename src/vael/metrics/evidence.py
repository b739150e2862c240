"""Floor 6: what is said of each example: bounds on log p(x), rate, distortion and error.

The k importance samples of an example are drawn one key each, so that the first of 100 are the
same as the only 4, and are decoded a few at a time: the numbers depend neither on the number of
devices nor on the memory at hand.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.trace import Trace
from vael.types import Shape
from vael.vae import VAE

FLOATS_PER_PASS = 2**24  # about 64 MiB of float32 activations: more falls out of the caches
FLOATS_PER_DIM = 40  # rough activations per decoded dimension of a small conv net


@dataclass(frozen=True)
class Evidence:
    """Per-example scores ``(B,)``, nats unless said otherwise.

    Attributes:
        elbo: E_q[log p(x|z)] - KL, of the trained fit at beta = 1.
        rate: KL(q(z|x) || p(z)).
        distortion: -E_q[log p(x|z)].
        iwae: log 1/k sum_s w_s, the importance-weighted bound of the trained fit (Burda et al.
            2016, Eq. 8, https://arxiv.org/abs/1509.00519).
        bits: bits per dimension, -(the same bound with log_mass) / (D log 2), or None for data
            without levels.
        mse: squared error per dimension of the decoder's mean at one z ~ q.
        at_bound: share of the scales of p(x|z) at their lower bound, the batch's for each.
        mu: posterior means of the top latent, ``(B, d)``.
    """

    elbo: Tensor
    rate: Tensor
    distortion: Tensor
    iwae: Tensor
    bits: Tensor | None
    mse: Tensor
    at_bound: Tensor
    mu: Tensor


def samples_per_pass(batch: int, num_dims: int, samples: int) -> int:
    """How many of the samples to decode at once."""
    return max(1, min(samples, FLOATS_PER_PASS // (batch * num_dims * FLOATS_PER_DIM)))


def evidence(
    vae: VAE,
    x: Tensor,
    eps: Callable[[int, Shape], Tensor],
    samples: int,
    levels: int | None,
) -> Evidence:
    """Scores each example of a batch with k samples of q.

    Args:
        vae: the model.
        x: the data as the likelihood sees it, ``(B, *E)``.
        eps: noise ``(B, *Z)`` of sample number s for the event shape Z.
        samples: k, at least 1.
        levels: values per dimension, None for data without levels (then there are no bits).
    """
    num_dims = math.prod(x.shape[1:])
    step = samples_per_pass(len(x), num_dims, samples)
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor | None]] = []
    mse = mu = at_bound = None
    for start in range(0, samples, step):
        numbers = range(start, min(start + step, samples))
        noise = tuple(torch.stack([eps(s, z) for s in numbers]) for z in vae.noise_shapes)
        trace = vae(x, noise)
        if mse is None:
            error = (trace.px.mean[0] - x).float() ** 2
            mse = error.flatten(1).mean(1)
            mu = trace.latents[0].q.mean.flatten(1)
            at_bound = vae.at_bound(trace.px).expand(len(x))
        parts.append(_weights(trace, levels, vae.fits_mass))
    log_px, rate, log_w, log_w_mass = (
        None if column[0] is None else torch.cat(column).double()
        for column in zip(*parts, strict=True)
    )
    assert log_px is not None
    assert rate is not None
    assert log_w is not None
    assert mse is not None
    assert mu is not None
    assert at_bound is not None
    bits = None
    if log_w_mass is not None:
        bits = -log_mean_exp(log_w_mass) / (num_dims * math.log(2))
    return Evidence(
        elbo=(log_px - rate).mean(0), rate=rate.mean(0), distortion=-log_px.mean(0),
        iwae=log_mean_exp(log_w), bits=bits, mse=mse.double(), at_bound=at_bound.double(),
        mu=mu.double(),
    )


def log_mean_exp(log_w: Tensor) -> Tensor:
    """Log 1/k sum_s exp(log_w_s) over the first dimension."""
    return torch.logsumexp(log_w, dim=0) - math.log(len(log_w))


def _weights(
    trace: Trace, levels: int | None, fits_mass: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Log p(x|z), rate, log w of the trained fit and of the masses, each ``(S, B)``."""
    log_w = trace.log_w()
    log_w_mass = None
    if fits_mass:
        log_w_mass = log_w
    elif levels is not None:
        log_w_mass = log_w - trace.log_px + trace.px.log_mass(trace.x)
    return trace.log_px, trace.rate, log_w, log_w_mass
