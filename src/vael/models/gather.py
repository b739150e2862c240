"""Gather the batch of all devices, for terms that couple its examples.

An average over examples needs none of this: DDP averages gradients. A term that compares examples
with one another (a total correlation, an MMD) must see the whole batch, or N devices would compute
another term than one.
"""

from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from vael.models.trace import map_tensors

R = TypeVar("R")


def gather(own: Tensor) -> Tensor:
    """Concatenate the tensors of all processes in the first dimension, with gradients.

    ``(B, ...)`` on each of N processes -> the same ``(N B, ...)`` on all, in the order of the
    ranks; without several processes the tensor itself. Every process must call it, with the same
    shape. The gradients that the processes send back to one tensor are summed: where each adds
    the same term to its loss, and DDP averages over the processes, weights get the gradient that
    one process with the whole batch would give them.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return own
    if distributed.get_world_size() == 1:
        return own
    gathered: Tensor = _Gather.apply(own)  # type: ignore[no-untyped-call]
    return gathered


def gather_record(own: R) -> R:
    """Return the same distribution with the parameters of all processes' examples.

    Its tensors lead with ``(B,)``, as those of a posterior do.
    """
    return map_tensors(gather, own)


class _Gather(torch.autograd.Function):
    """all_gather forwards, the sum of the gradients backwards."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        ctx.size = len(own)
        every = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
        distributed.all_gather(every, own.contiguous())
        return torch.cat(every)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.contiguous().clone()
        distributed.all_reduce(total)
        start = distributed.get_rank() * ctx.size
        return total[start : start + ctx.size]
