"""Scales of a likelihood: one number, learned numbers, or the decoder's."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import expm1, isfinite, log

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from vael.errors import ConfigError
from vael.types import Shape


class Scale(nn.Module, ABC):
    """``log_sigma`` from the parameters that the decoder emits beside the location.

    A learned scale is bounded below smoothly, ``log_sigma = bound + softplus(raw - bound)``
    (Rybkin et al. 2021, sigma-VAE, https://arxiv.org/abs/2006.13202, section 4), and starts at
    sigma exactly.
    """

    num_params: int = 0
    bound: float = float("-inf")

    @abstractmethod
    def forward(self, emitted: Sequence[Tensor]) -> Tensor:
        """Turn ``num_params`` tensors ``(*lead, *E)`` into log_sigma, which broadcasts to them."""

    def share_at_bound(self, log_sigma: Tensor) -> Tensor:
        """Return the share of the scales within 5 % of their bound, a scalar; 0 without one."""
        return (log_sigma.detach() < self.bound + log(1.05)).float().mean()


class FixedScale(Scale):
    """The user's number; no bound."""

    log_sigma: Tensor

    def __init__(self, sigma: float) -> None:
        super().__init__()
        # From the configuration, so not in the checkpoint.
        self.register_buffer("log_sigma", torch.tensor(log(sigma)), persistent=False)

    def forward(self, emitted: Sequence[Tensor]) -> Tensor:
        """Return the constant."""
        return self.log_sigma


class LearnedScale(Scale):
    """A parameter: one number for all dimensions, or one for each."""

    def __init__(self, sigma: float, lower: float, shape: Shape) -> None:
        super().__init__()
        self.bound = log(lower)
        self.raw = nn.Parameter(torch.full(shape, _raw(sigma, lower)))

    def forward(self, emitted: Sequence[Tensor]) -> Tensor:
        """Return the parameter behind its bound."""
        return self.bound + softplus(self.raw)


class PredictedScale(Scale):
    """One number for each dimension from the decoder, whose output 0 means sigma."""

    num_params = 1

    def __init__(self, sigma: float, lower: float) -> None:
        super().__init__()
        self.bound = log(lower)
        self.start = _raw(sigma, lower)

    def forward(self, emitted: Sequence[Tensor]) -> Tensor:
        """Return the decoder's number behind its bound."""
        return self.bound + softplus(emitted[0] + self.start)


def _raw(sigma: float, lower: float) -> float:
    """Return the argument at which the bounded scale is sigma."""
    if sigma <= lower:
        raise ConfigError(
            f"likelihood.sigma, where a learned scale starts, must be above its lower bound "
            f"{lower:.6g}, but got {sigma}: raise it, or use likelihood.scale=fixed."
        )
    return log(expm1(log(sigma / lower)))


def least_sigma(levels: int | None) -> float:
    """Return the lower bound of a learned scale.

    Below, it would fit the grid, or the rounding of a table, not the data.
    """
    if levels is None:
        return 1e-3
    return 0.5 / (levels - 1) if levels >= 17 else 1 / 510


def make_scale(scale: str, sigma: float, lower: float, event_shape: Shape) -> Scale:
    """Return the scale of this name, which is or starts at sigma; a learned one is above lower.

    Raises:
        ConfigError: an unknown name, a bad sigma, or one that a learned scale cannot reach.
    """
    if isinstance(sigma, bool) or not isinstance(sigma, int | float):
        raise ConfigError(f"likelihood.sigma must be a number, but got {sigma!r}.")
    if not (isfinite(sigma) and sigma > 0):
        raise ConfigError(
            f"likelihood.sigma must be a positive, finite number in units of x, but got {sigma}."
        )
    match scale:
        case "fixed":
            return FixedScale(sigma)
        case "shared":
            return LearnedScale(sigma, lower, ())
        case "per_dim":
            return LearnedScale(sigma, lower, event_shape)
        case "predicted":
            return PredictedScale(sigma, lower)
    raise ConfigError(
        f"likelihood.scale must be one of fixed, shared, per_dim, predicted, but got {scale!r}."
    )
