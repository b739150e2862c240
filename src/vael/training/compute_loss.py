"""The loss of a batch as a function of tensors, so that it can be compiled as a whole."""

from dataclasses import replace

from torch import Tensor

from vael.models.trace import Loss
from vael.models.vae import VAE
from vael.objectives.base import Objective


def compute_loss(
    vae: VAE,
    objective: Objective,
    x: Tensor,
    noise: tuple[Tensor, ...],
    own_noise: tuple[Tensor, ...],
    step: int | Tensor,
    beta: float | Tensor,
    context: Tensor | None,
) -> Loss:
    """Return the objective's loss of one pass over x ``(B, *E)``; draws nothing itself.

    Args:
        vae: the model.
        objective: the objective.
        x: the data as the likelihood sees it.
        noise: of the latents, ``(S, B, *Z)`` each.
        own_noise: what the objective asks for beside it.
        step: optimiser steps before this one.
        beta: the weight of the rate.
        context: c of each example, ``(B, C)``, of a conditional model.
    """
    trace = vae(x, noise, context=context)
    if own_noise:
        trace = replace(trace, noise=own_noise)
    found: Loss = objective(trace, step, beta)
    if trace.penalty is None:
        return found
    more = trace.penalty.mean()
    return Loss(found.value + more, {**found.terms, "commitment": more.detach()})
