"""GECO: the least rate whose reconstructions are as good as asked for."""

import math

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.gather import gather
from vael.models.trace import Loss, Trace
from vael.objectives.base import Objective

LIMIT = math.log(1e6)
"""Largest |log beta|: where kappa cannot be reached, beta must find back from its end."""


def mean_observed(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of ``(S, B, *E)`` over what is observed."""
    return torch.where(mask, values, 0).sum() / (len(values) * mask.sum())


class Geco(Objective):
    """``loss = mean of -log p(x|z) + beta KL``, beta such that E|x - E[x|z]|^2 / D = kappa^2.

    After each batch ``log beta -= speed (error / kappa^2 - 1)``, the bracket at most 1: a worse
    reconstruction lowers the weight of the rate. It is the constrained optimisation of Rezende
    and Viola 2018 (https://arxiv.org/abs/1810.00597, Algorithm 1) divided by its multiplier:
    theirs, of the squared error, is ``1 / (2 sigma^2 beta)`` for a normal p(x|z). The distortion
    stays the whole of ``-log p(x|z)``, so that scales are trained and bpd means what it does. No
    moving average of the error is kept: beta sums small changes.

    Of several processes the error is averaged; accumulated batches each move beta. beta stands
    in checkpoints (``log_beta``) and is logged as ``train/beta``.

    Args:
        kappa: root mean squared error of a dimension that is tolerated, in the units of the x
            that the model sees, above 0.
        speed: largest change of log beta by one batch, above 0.
        num_samples: samples of q per example, at least 1.

    Raises:
        ConfigError: an option is out of range.
    """

    log_beta: Tensor

    def __init__(self, kappa: float, speed: float = 0.01, num_samples: int = 1) -> None:
        super().__init__()
        for name, value in {"kappa": kappa, "speed": speed}.items():
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(
                    f"objective.{name} must be a finite number > 0, but got {value}."
                )
        if num_samples < 1:
            raise ConfigError(f"objective.num_samples must be at least 1, but got {num_samples}.")
        self.kappa, self.speed, self.num_samples = kappa, speed, num_samples
        self.register_buffer("log_beta", torch.zeros(()))

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with ``distortion``, ``rate``, ``squared_error`` and ``beta``.

        Where gradients are recorded beta is then moved.
        """
        distortion, rate = -trace.log_px.mean(), trace.rate.mean()
        weight = self.log_beta.exp()
        squares = (trace.px.mean.detach() - trace.x).square()
        error = squares.mean() if trace.mask is None else mean_observed(squares, trace.mask)
        value = distortion + weight * rate
        if torch.is_grad_enabled():
            self._move(error)
        terms = {"distortion": distortion, "rate": rate}
        terms |= {"squared_error": error, "beta": weight}
        return Loss(value, {name: term.detach() for name, term in terms.items()})

    @torch.no_grad()
    def _move(self, error: Tensor) -> None:
        """Move beta towards the one at which the error is kappa squared."""
        excess = gather(error[None]).mean() / self.kappa**2 - 1
        change = self.speed * excess.clamp(max=1).nan_to_num(nan=0.0)  # a step may be left out
        self.log_beta.sub_(change).clamp_(-LIMIT, LIMIT)
