"""Steps that are not taken: a non-finite one is an error, an exploding one is left out."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from vael.errors import NonFiniteLoss

MOST_SKIPPED = 100  # steps in a row that may be left out
REMEDY = "Lower optimizer.lr, or set trainer.gradient_clip_val."


def gradient_norm(parameters: Iterable[Parameter]) -> float:
    """Return the norm of all gradients together; 0 where there is none."""
    grads = [p.grad for p in parameters if p.grad is not None]
    return float(torch.nn.utils.get_total_norm(grads)) if grads else 0.0


class SkippedSteps:
    """Count the steps that were left out since their gradient's norm was above a limit.

    Attributes:
        steps: all of them.
        in_a_row: the last ones, without a step taken between.
    """

    def __init__(self) -> None:
        self.steps = self.in_a_row = 0

    def leaves_out(self, norm: float, limit: float) -> bool:
        """Count a step whose norm is above the limit or not finite; True where it is left out."""
        if norm <= limit:
            self.in_a_row = 0
            return False
        self.steps += 1
        self.in_a_row += 1
        return True

    def complaint(self, limit: float) -> str:
        """Return what an error begins with where too many were left out, else nothing."""
        if self.in_a_row != MOST_SKIPPED:
            return ""
        return (
            f"{MOST_SKIPPED} steps in a row were left out, as their gradient's norm was not "
            f"below trainer.skip_gradient_above={limit:g}; "
        )


def describe_bad_step(
    every: Tensor, names: Sequence[str], where: str, rate: float, norm: float, before: str = ""
) -> NonFiniteLoss:
    """Make the error of a step that cannot be taken.

    Args:
        every: ``[ranks, 1 + terms]``: the loss and its terms in each process.
        names: of the terms.
        where: the step and its epoch.
        rate: the learning rate.
        norm: of the gradient.
        before: begins the message.
    """
    broken = (~torch.isfinite(every[:, 0])).nonzero().flatten().tolist()
    loss, *values = every[broken[0] if broken else 0].tolist()
    terms = dict(zip(names, values, strict=True))
    bad = [name for name, value in terms.items() if not math.isfinite(value)]
    listed = ", ".join(f"{name} {value:.6g}" for name, value in terms.items())
    whose = f" of rank {broken[0]}" if 0 < len(broken) < len(every) else ""
    what = "" if before and not bad else f"{' and '.join(bad) or 'the gradient'} not finite "
    return NonFiniteLoss(
        f"{before}the loss{whose} is {loss} at step {where}: {what}({listed}); learning rate "
        f"{rate:.3g}, gradient norm {norm:.6g}. {REMEDY}"
    )


def check_weights(named: Iterable[tuple[str, Parameter]], where: str) -> None:
    """Check that all weights are finite.

    Raises:
        NonFiniteLoss: some are not: nobody could go on from there.
    """
    broken = [name for name, value in named if not torch.isfinite(value).all()]
    if broken:
        raise NonFiniteLoss(
            f"the weights are not finite after step {where}: {broken[0]} and {len(broken) - 1} "
            f"more; the last checkpoint is kept. {REMEDY}"
        )
