"""Shannon's reverse water-filling, and a linear VAE that can be it to the last digit.

Data with covariance ``diag(spectrum)`` and a normal p(x|z) of fixed sigma: the best linear VAE at
rate R has ``s`` with ``R = 1/2 sum log(spectrum / s)`` over what is above s, squared error
``sum min(spectrum, s)``, and is that of ``beta = s / sigma^2``.
"""

import itertools

import numpy as np
import torch
from oracles.exact_vae import linear_vae, normal_theta
from oracles.linear_gaussian import LinearGaussian
from scipy.optimize import brentq
from torch import Tensor

from vael.models.posteriors import Normal
from vael.models.vae import VAE
from vael.objectives import Objective


def rate_at(spectrum: np.ndarray, s: float) -> float:
    return float(0.5 * np.log(np.maximum(spectrum / s, 1)).sum())


def error_at(spectrum: np.ndarray, s: float) -> float:
    return float(np.minimum(spectrum, s).sum())


def level_of_rate(spectrum: np.ndarray, rate: float) -> float:
    return float(brentq(lambda s: rate_at(spectrum, s) - rate, 1e-9, spectrum.max(), xtol=1e-14))


def level_of_error(spectrum: np.ndarray, error: float) -> float:
    return float(brentq(lambda s: error_at(spectrum, s) - error, 1e-9, spectrum.max()))


def signs(n: int) -> Tensor:
    """All corners of a cube: their mean is 0 and their covariance I, ``(2^n, n)``."""
    return torch.tensor(list(itertools.product((-1.0, 1.0), repeat=n)), dtype=torch.float64)


def examples(spectrum: np.ndarray) -> Tensor:
    """Data whose covariance is ``diag(spectrum)`` exactly."""
    return signs(len(spectrum)) * torch.from_numpy(np.sqrt(spectrum))


def corners(latents: int, size: int) -> Tensor:
    """Noise over which the mean of a quadratic is that over the normal, ``(2^d, B, d)``."""
    return signs(latents)[:, None].expand(-1, size, -1)


def aligned_vae(spectrum: np.ndarray, rates: np.ndarray, sigma: float) -> VAE:
    """Each latent codes one direction at its rate, with the best decoder and a full aggregate."""
    d, kept = len(rates), np.exp(-2 * rates)
    W = np.zeros((len(spectrum), d))
    W[range(d), range(d)] = np.sqrt(spectrum[:d] * (1 - kept))
    A = np.zeros((d, len(spectrum)))
    A[range(d), range(d)] = np.sqrt((1 - kept) / spectrum[:d])
    world = LinearGaussian(W, np.zeros(len(spectrum)), sigma)
    return linear_vae(world, Normal((d,)), A, np.zeros(d), normal_theta(np.diag(kept)))


def settle(vae: VAE, objective: Objective, x: Tensor, steps: int = 1200, lr: float = 0.03) -> None:
    """Train to the end of a falling learning rate."""
    d = vae.noise_shapes[0][0]
    noise = corners(d, len(x))
    optimizer = torch.optim.Adam(vae.parameters(), lr=lr, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: (1 - i / steps) ** 2)
    for step in range(steps):
        optimizer.zero_grad()
        objective(vae(x, (noise,)), step, objective.beta(step)).value.backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def measure(vae: VAE, x: Tensor) -> tuple[float, float]:
    """Return the rate in nats and the summed squared error of E[x|z], z ~ q."""
    trace = vae(x, (corners(vae.noise_shapes[0][0], len(x)),))
    return trace.rate.mean().item(), (trace.px.mean - x).square().sum(-1).mean().item()
