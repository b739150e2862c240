"""The contract of an objective: from a trace to a loss."""

from abc import ABC, abstractmethod

from torch import nn

from vael.models.trace import Loss, Trace


class Objective(nn.Module, ABC):
    """A function from what one pass left behind to a scalar to minimise.

    Attributes:
        num_samples: S, samples of q per example that the objective wants in training.
    """

    num_samples: int = 1

    @abstractmethod
    def forward(self, trace: Trace, step: int) -> Loss:
        """The loss of this trace at this optimiser step."""

    @abstractmethod
    def beta(self, step: int) -> float:
        """The weight of the rate at this optimiser step (1 where the objective has none)."""

    @property
    @abstractmethod
    def warmup_steps(self) -> int:
        """The optimiser step from which beta has its final value."""
