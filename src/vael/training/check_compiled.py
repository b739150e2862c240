"""Compare the compiled loss with the plain one before it trains."""

import torch
from pytorch_lightning.plugins.precision import Precision
from torch import Tensor

from vael.training.module import LitVAE

TOLERANCE = 0.1
"""Relative difference of a gradient: roundings of bfloat16 stay below it, an error does not."""
OF_TOTAL = 1e-3  # of the whole gradient's norm: what is smaller does not matter


def find_difference(
    lit: LitVAE, x: Tensor, context: Tensor | None, precision: Precision
) -> str | None:
    """Return in one line how the compiled loss differs from the plain one; None: it does not.

    torch's compiler can be wrong without a word: version 2.11 gave some autograd functions a
    gradient of 0 on a GPU. Both are given the same weights, examples and noise; buffers are put
    back.

    Args:
        lit: the module, with ``compiled``.
        x: raw examples of a batch, ``(B, *E)``, on its device.
        context: what is told of them, ``(B, K)``, or None.
        precision: Lightning's plugin, for autocast.
    """
    compiled, kept = lit.compiled, [buffer.detach().clone() for buffer in lit.buffers()]
    named = [(name, p) for name, p in lit.named_parameters() if p.requires_grad]
    found = []
    try:
        for lit.compiled in (None, compiled):
            with torch.random.fork_rng(devices=[lit.device] if x.is_cuda else []):
                torch.manual_seed(0)
                with precision.train_step_context():
                    draws, beta = lit.draws(0, 0), lit.objective.beta(lit.global_step)
                    loss = lit.loss(x, draws, lit.global_step, beta, context=context)
                grads = torch.autograd.grad(
                    loss.value, [p for _, p in named], allow_unused=True, materialize_grads=True
                )
            found.append((float(loss.value.detach()), grads))
            with torch.no_grad():
                for buffer, value in zip(lit.buffers(), kept, strict=True):
                    buffer.copy_(value)
    finally:
        lit.compiled = compiled
    (plain, right), (other, seen) = found
    if not abs(other - plain) <= TOLERANCE * abs(plain):
        return f"it is {other:.6g} instead of {plain:.6g}"
    total = float(torch.nn.utils.get_total_norm(right))
    for (name, _), a, b in zip(named, right, seen, strict=True):
        size, error = float(a.norm()), float((a - b).norm())
        if not error <= TOLERANCE * size + OF_TOTAL * total:
            return (
                f"its gradient by {name} differs: of length {float(b.norm()):.4g} instead of "
                f"{size:.4g}"
            )
    return None
