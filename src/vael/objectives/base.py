"""The contract of an objective: from a trace to a loss."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from vael.models.trace import Loss, Trace


class Objective(nn.Module, ABC):
    """A function from what one pass left behind to a scalar to minimise.

    Attributes:
        num_samples: S, samples of q per example that the objective wants in training.

    Example:
        The rate is held at a capacity (Burgess et al. 2018, https://arxiv.org/abs/1804.03599):
        ``loss = mean over S, B of  -log p(x|z) + gamma |KL - capacity|``, nats.

        >>> class Capacity(Objective):
        ...     warmup_steps = 0
        ...     def __init__(self, gamma, capacity):
        ...         super().__init__()
        ...         self.gamma, self.capacity = gamma, capacity
        ...     def beta(self, step):
        ...         return 1.0
        ...     def forward(self, trace, step, beta):
        ...         distortion, rate = -trace.log_px.mean(), trace.rate.mean()
        ...         value = distortion + self.gamma * (rate - self.capacity).abs()
        ...         terms = {"distortion": distortion.detach(), "rate": rate.detach()}
        ...         return Loss(value, terms)
        >>> import torch
        >>> trace = Trace(None, None, (), log_px=torch.full((1, 2), -3.0), rate=torch.ones(1, 2))
        >>> Capacity(gamma=10.0, capacity=1.5)(trace, step=0, beta=1.0).value  # 3 + 10 |1 - 1.5|
        tensor(8.)
    """

    num_samples: int = 1

    @abstractmethod
    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss of this trace at an optimiser step, whose ``beta(step)`` is given.

        On a GPU both are 0-d tensors, so that a captured step reads new values at each replay: a
        loss that looks at them (``if step > 100``, ``math.cos(step)``) is trained uncaptured.
        """

    @abstractmethod
    def beta(self, step: int) -> float:
        """Return the weight of the rate at this optimiser step, 1 where there is none."""

    @property
    @abstractmethod
    def warmup_steps(self) -> int:
        """The optimiser step from which beta has its final value."""
