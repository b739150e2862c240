"""Score each example: bounds on log p(x), rate, distortion and error.

The k importance samples of an example are drawn one key each (on a GPU a key for many of them), so
that the first of 100 are the same as the only 4, and are decoded a few at a time: the numbers
depend neither on the number of devices nor on the memory at hand.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vael.metrics.bounds import Bounds
from vael.metrics.chunk_noise import ChunkNoise
from vael.models.latents.base import layer_rate
from vael.models.trace import Latent, log_ratio
from vael.models.vae import VAE
from vael.randomness import Noise

NO_BOUND = (
    "a deterministic encoder (posterior=delta) has no density q(z|x), so there is no bound on "
    "log p(x): no bpd, ELBO or rate"
)
ONE_CODE = (
    "q(z|x) is all on one code, so the bounds are those of one sample, whatever k is: -log P(x) "
    "is at most the distortion and the length of the codes under the prior"
)
FLOATS_PER_PASS = 2**24  # about 64 MiB of float32 activations: more falls out of the caches
FLOATS_PER_GPU_PASS = 2**30  # 4 GiB: less is over before the next pass is launched
PASSES_IN_MEMORY = 16  # a smaller GPU takes smaller ones
FLOATS_PER_DIM = 40  # rough activations per decoded dimension of a small conv net
FLOATS_PER_PARAMETER = 4  # a decoder's output and what a likelihood makes of it


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

            Of data with missing values both sum over what is observed, and D is the mean number
            of observed dimensions of an example: the means over examples are per observed one.
        at_bound: share of the scales of p(x|z) at their lower bound, the batch's for each.
        mu: posterior means of the latents, all layers from the top down, ``(B, d)``.
        layer_rates: the rate of each layer, from the top down, ``(B, L)``; None for a single one.
        codes: of discrete latents, int64, ``(B, M)``; else None.
    """

    elbo: Tensor
    rate: Tensor
    distortion: Tensor
    iwae: Tensor
    bits: Tensor | None
    mse: Tensor
    at_bound: Tensor
    mu: Tensor
    layer_rates: Tensor | None = None
    codes: Tensor | None = None


@dataclass(frozen=True)
class Weighed:
    """The scores with what they come from: the importance weights.

    Attributes:
        evidence: the scores; ``iwae`` and ``bits`` from all samples.
        fit: bounds by the weights of the trained fit.
        mass: the same with log_mass; ``fit`` itself where the mass is what is trained, None for
            data without levels.
    """

    evidence: Evidence
    fit: Bounds
    mass: Bounds | None


def samples_per_pass(
    batch: int,
    num_dims: int,
    samples: int,
    num_parameters: int = 0,
    device: torch.device | None = None,
) -> int:
    """Return how many samples to decode at once, where a decoder emits so many parameters."""
    floats = max(num_dims * FLOATS_PER_DIM, num_parameters * FLOATS_PER_PARAMETER)
    most = FLOATS_PER_PASS
    if device is not None and device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
        most = min(FLOATS_PER_GPU_PASS, memory // (4 * PASSES_IN_MEMORY))
    return max(1, min(samples, most // (batch * floats)))


def score_chunk(
    vae: VAE,
    x: Tensor,
    noise: Noise,
    split: str,
    chunk: int,
    samples: int,
    levels: int | None,
    *,
    ks: Sequence[int] = (),
    drawn: int | None = None,
    tick: Callable[[int], object] | None = None,
    context: Tensor | None = None,
    num_dims: float | None = None,
) -> Weighed:
    """Score a chunk of a split; training, its verification, evaluation and `vael.load` share this.

    The same weights, examples, stream and place give the same numbers to the bit. The arguments
    are those of `weigh` and `ChunkNoise`. Where q(z|x) has no density one sample is all there is.
    """
    if not vae.has_density:
        samples, levels, ks = 1, None, ()
    eps = ChunkNoise(noise, x, split, chunk, drawn, tick)
    return weigh(vae, x, eps, samples, levels, ks, context=context, num_dims=num_dims)


def weigh(
    vae: VAE,
    x: Tensor,
    eps: Callable[..., Tensor],
    samples: int,
    levels: int | None,
    ks: Sequence[int] = (),
    *,
    context: Tensor | None = None,
    num_dims: float | None = None,
) -> Weighed:
    """Score each example of a batch with K = ``samples`` draws of q, in one pass over them.

    Args:
        vae: the model.
        x: the data as the likelihood sees it, ``(B, *E)``; NaN is a missing value.
        eps: noise ``(B, *Z)`` of sample number s for the event shape Z, asked in order; of a
            layer below the top a third argument is its number.
        samples: K, at least 1.
        levels: values per dimension, None for data without levels (then there are no bits).
        ks: k of the bounds that are wanted beside that of all K.
        context: c of each example, ``(B, C)``, of a conditional model: the scores are given it.
        num_dims: D behind what is per dimension; None: all of an example.
    """
    x, mask = vae.split_holes(x)
    dims = math.prod(x.shape[1:]) if num_dims is None else num_dims
    fit = Bounds(samples, (*ks, samples))
    mass = None
    if levels is not None:
        mass = fit if vae.fits_mass else Bounds(samples, (*ks, samples))
    log_px = rates = x.new_zeros(len(x), dtype=torch.float64)
    mse = mu = at_bound = codes = None
    emitted = math.prod(vae.likelihood.family.theta_shape)
    at_once = samples_per_pass(len(x), math.prod(x.shape[1:]), samples, emitted, x.device)
    seen = vae.show(x, mask)
    read = vae.latents.read(seen, context=context)
    drawn = 1 if vae.is_discrete else samples
    for h, latents in draw_latents(vae, seen, eps, drawn, context, read=read):
        of_fit, of_mass = [], []
        for piece in torch.split(h, at_once):
            px = vae.decode(piece, context=context)
            if mse is None:
                mse = _mean_square(px.mean[0] - x, mask, dims)
                mu = torch.cat([m.flatten(1) for m in vae.latents.means(read, latents)], 1)
                at_bound = vae.at_bound(px).expand(len(x))
                codes = getattr(latents[0].q, "codes", None)
            of_fit.append(vae.log_likelihood(px, x, mask))
            if mass is not None and mass is not fit:
                of_mass.append(px.log_mass(x) if mask is None else px.log_mass(x, mask))
        log_p_over_q = log_ratio(latents)
        found = torch.cat(of_fit)
        again = (samples // drawn, 1)  # of a single code all k weights are the same
        fit.add((found + log_p_over_q).repeat(again))
        if mass is not None and mass is not fit:
            mass.add((torch.cat(of_mass) + log_p_over_q).repeat(again))
        log_px = log_px + found.double().sum(0)
        rates = rates + torch.stack([layer_rate(each).double().sum(0) for each in latents])
    assert mse is not None
    assert mu is not None
    assert at_bound is not None
    log_px, rates = log_px / drawn, rates / drawn
    rate = rates.sum(0)
    bits = None if mass is None else bits_per_dim(mass.at(samples), dims)
    scores = Evidence(
        elbo=log_px - rate,
        rate=rate,
        distortion=-log_px,
        iwae=fit.at(samples),
        bits=bits,
        mse=mse.double(),
        at_bound=at_bound.double(),
        mu=mu.double(),
        layer_rates=rates.T if len(rates) > 1 else None,
        codes=codes,
    )
    return Weighed(scores, fit, mass)


def _mean_square(error: Tensor, mask: Tensor | None, num_dims: float) -> Tensor:
    """Return the squared error per dimension of each example, ``(B,)``."""
    squares = error.float() ** 2
    if mask is None:
        return squares.flatten(1).mean(1)
    return torch.where(mask, squares, 0).flatten(1).sum(1) / num_dims


def bits_per_dim(log_mass: Tensor, num_dims: float) -> Tensor:
    """Return ``-log P(x) / (D log 2)``."""
    return -log_mass / (num_dims * math.log(2))


def draw_latents(
    vae: VAE,
    seen: Tensor,
    eps: Callable[..., Tensor],
    samples: int,
    context: Tensor | None,
    *,
    read: Any = None,
) -> Iterator[tuple[Tensor, tuple[Latent, ...]]]:
    """Return all samples of z, more at once than are decoded at once; x is encoded once."""
    size = sum(map(math.prod, vae.noise_shapes))
    layers = ((), *((number,) for number in range(1, len(vae.noise_shapes))))
    step = samples_per_pass(len(seen), size, samples, device=seen.device)
    read = vae.latents.read(seen, context=context) if read is None else read
    for start in range(0, samples, step):
        numbers = range(start, min(start + step, samples))
        noise = tuple(
            _stack(eps, numbers, z, *of_layer)
            for z, of_layer in zip(vae.noise_shapes, layers, strict=True)
        )
        yield vae.latents.draw(read, noise)


def _stack(eps: Callable[..., Tensor], numbers: range, *what: Any) -> Tensor:
    """Return the noise of these samples, ``(S, B, *Z)``."""
    if isinstance(eps, ChunkNoise):
        return eps.block(numbers, *what)
    return torch.stack([eps(number, *what) for number in numbers])
