"""The optimiser of a model, and in a group of its own of what the objective learns."""

from typing import Any

from torch.optim import Optimizer

from vael.models.vae import VAE
from vael.objectives.base import Objective
from vael.training.schedulers import OptimizerFactory


def make_optimizer(factory: OptimizerFactory, vae: VAE, objective: Objective) -> Optimizer:
    """Make the optimiser of the model's parameters, and in a second group the objective's."""
    own = list(objective.parameters())
    if not own:
        return factory(vae.parameters())
    more: dict[str, Any] = {"params": own, **objective.optimizer_options}
    return factory([{"params": list(vae.parameters())}, more])


def leave_unscaling(optimizer: Optimizer) -> None:
    """Keep Lightning from leaving it to the kernel of a fused optimiser to unscale gradients.

    That would be behind the backs of norm, clipping and skipping.
    """
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
