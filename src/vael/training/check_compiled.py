"""Try the compiled loss, and compare it with the plain one, before it trains."""

import torch
from pytorch_lightning.plugins.precision import Precision
from torch import Tensor

from vael.errors import ConfigError
from vael.training.module import LitVAE

TOLERANCE = {"32": 0.01}
"""Relative difference of the gradient by a parameter, over the precision."""
OF_16_BITS = 0.1
OF_TOTAL = 1e-4  # of the whole gradient's norm: what is smaller is rounding
SCALE = 1024.0  # of a loss of fp16, whose small gradients would be 0


def find_fault(lit: LitVAE, x: Tensor, context: Tensor | None, precision: Precision) -> str | None:
    """Return in one line why the compiled loss cannot train; None: it can.

    It is looked at behind the objective's warm-up, so that all of it counts.

    torch's compiler can be wrong without a word: version 2.11 gave some autograd functions a
    gradient of 0 on a GPU. Both are given the same weights, examples and noise; buffers are put
    back.

    Args:
        lit: the module, with ``compiled``.
        x: raw examples of a batch, ``(B, *E)``, on its device.
        context: what is told of them, ``(B, K)``, or None.
        precision: Lightning's plugin, for autocast.

    Raises:
        ConfigError: torch cannot compile the loss in one of several processes. The others may wait
            for it within the loss.
    """
    tolerance = TOLERANCE.get(str(precision.precision).removesuffix("-true"), OF_16_BITS)
    scale = SCALE if getattr(precision, "scaler", None) else 1.0
    step = max(lit.global_step, lit.objective.warmup_steps)
    compiled, kept = lit.compiled, [buffer.detach().clone() for buffer in lit.buffers()]
    named = [(name, p) for name, p in lit.named_parameters() if p.requires_grad]
    inputs = [p for _, p in named]

    def run() -> tuple[float, tuple[Tensor, ...]]:
        """Return the loss and its gradients."""
        try:
            with torch.random.fork_rng(devices=[lit.device] if x.is_cuda else []):
                torch.manual_seed(0)
                with precision.train_step_context():
                    beta = lit.objective.beta(step)
                    loss = lit.loss(x, lit.draws(0, 0), step, beta, context=context)
                grads = torch.autograd.grad(
                    loss.value * scale, inputs, allow_unused=True, materialize_grads=True
                )
        finally:
            with torch.no_grad():
                for buffer, value in zip(lit.buffers(), kept, strict=True):
                    buffer.copy_(value)
        return float(loss.value.detach()), grads

    lit.compiled = None
    plain, right = run()
    lit.compiled = compiled
    try:
        other, seen = run()
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # of the compiler: of any kind
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        if lit.trainer.world_size > 1:
            raise ConfigError(
                f"torch cannot compile the loss in process {lit.global_rank}: {said}. Set "
                "trainer.compile=false."
            ) from error
        return f"torch cannot compile the loss: {said}"
    if not abs(other - plain) <= tolerance * abs(plain):
        return f"the compiled loss is wrong: it is {other:.6g} instead of {plain:.6g}"
    total = float(torch.nn.utils.get_total_norm(right))
    for (name, _), a, b in zip(named, right, seen, strict=True):
        size, apart = float(a.norm()), float((a - b).norm())
        if not apart <= tolerance * size + OF_TOTAL * total:
            return (
                f"the compiled loss is wrong: its gradient by {name} differs: of length "
                f"{float(b.norm()) / scale:.4g} instead of {size / scale:.4g}"
            )
    return None
