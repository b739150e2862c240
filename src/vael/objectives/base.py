"""The contract of an objective: from a trace to a loss."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from vael.models.latents.base import Latents
from vael.models.trace import Loss, Trace
from vael.types import Shape


class Objective(nn.Module, ABC):
    """A function from what one pass left behind to a scalar to minimise.

    Attributes:
        num_samples: S, samples of q per example that the objective wants in training.
        smallest_batch: examples that it must see at once; 2 where it compares them.
        needs_density: whether it needs log q(z|x) or the rate: else it also trains a
            deterministic encoder, ``posterior=delta``.
        takes_codes: whether it also trains discrete latents, ``latents=vq``, of which log q is 0
            and only the prior has a gradient of the rate.

    An objective whose constructor has a parameter ``num_data`` gets N, the number of training
    examples, one that has ``latent_size`` d, the numbers of a latent. Parameters of an objective
    are trained beside the model's.

    Example:
        Only what the rate has above a budget costs anything (an exact penalty; Nocedal and Wright
        2006, section 17.2): ``loss = mean of -log p(x|z) + gamma max(0, KL - budget)``, nats.

        >>> class Budget(Objective):
        ...     def __init__(self, gamma, budget):
        ...         super().__init__()
        ...         self.gamma, self.budget = gamma, budget
        ...     def forward(self, trace, step, beta):
        ...         distortion, rate = -trace.log_px.mean(), trace.rate.mean()
        ...         value = distortion + self.gamma * (rate - self.budget).relu()
        ...         terms = {"distortion": distortion.detach(), "rate": rate.detach()}
        ...         return Loss(value, terms)
        >>> import torch
        >>> trace = Trace(None, None, (), log_px=torch.full((1, 2), -3.0), rate=torch.ones(1, 2))
        >>> Budget(gamma=10.0, budget=0.5)(trace, step=0, beta=1.0).value  # 3 + 10 (1 - 0.5)
        tensor(8.)
    """

    num_samples: int = 1
    smallest_batch: int = 1
    needs_density: bool = True
    takes_codes: bool = False

    @abstractmethod
    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss of this trace at an optimiser step, whose ``beta(step)`` is given.

        On a GPU, and with ``trainer.compile=true``, both are 0-d tensors, so that a captured step
        reads new values at each replay: a loss that looks at them (``if step > 100``,
        ``math.cos(step)``) is trained uncaptured.
        """

    def noise_shapes(self, latents: Latents) -> tuple[Shape, ...]:
        """Return the event shapes of the noise that ``trace.noise`` is to hold, if any.

        Noise must come from there: it is keyed by the place of the batch, so that a run can be
        repeated and continued to the bit.
        """
        return ()

    @property
    def optimizer_options(self) -> Mapping[str, object]:
        """Options of the optimiser for the objective's own parameters: their group's."""
        return {}

    def beta(self, step: int) -> float:
        """Return the weight of the rate at this optimiser step, logged as ``train/beta``.

        An objective that does not say it has none: it is given 1, and nothing is logged.
        """
        return 1.0

    @property
    def warmup_steps(self) -> int:
        """The optimiser step from which the objective is the final one: without warm-up, 0."""
        return 0
