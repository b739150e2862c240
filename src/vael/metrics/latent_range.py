"""Find how far each latent dimension is moved to show what it does: quantiles of the prior."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.models.posteriors.normal import NormalRecord
from vael.models.trace import LatentRecord
from vael.randomness import Noise
from vael.types import Shape

REACH = 2.5  # standard deviations of a normal: its quantiles 0.6 % and 99.4 %
DRAWS = 10_000


@dataclass(frozen=True)
class LatentRange:
    """Hold two quantiles of p(z) by dimension, each ``(d,)``."""

    low: Tensor
    high: Tensor

    def space(self, dims: Sequence[int], steps: int) -> Tensor:
        """Return evenly spaced values from the lower to the upper one, ``(len(dims), steps)``."""
        ends = [(float(self.low[dim]), float(self.high[dim])) for dim in dims]
        return torch.stack([torch.linspace(low, high, steps) for low, high in ends])


def measure_range(p: LatentRecord, noise_shape: Shape, reach: float = REACH) -> LatentRange:
    """Return the quantiles ``Phi(-reach)`` and ``Phi(reach)`` of each latent dimension of p(z).

    Of a diagonal normal they are ``mean -+ reach sigma``; of any other prior those of 10,000
    draws, the same at each call.

    Args:
        p: the prior, without leading dimensions.
        noise_shape: of the noise behind one draw, of ``prior_noise_shapes``.
        reach: in standard deviations of a normal.
    """
    if isinstance(p, NormalRecord):
        side = reach * p.sigma
        return LatentRange((p.mean - side).flatten().cpu(), (p.mean + side).flatten().cpu())
    stream = Noise(0, "latent").at(torch.device("cpu"), "range")
    noise = torch.randn(1, DRAWS, *noise_shape, generator=stream).to(p.mean)
    with torch.no_grad():
        drawn = p.rsample(noise)[0].flatten(1).sort(0).values.cpu()
    tail = round(float(torch.special.ndtr(torch.tensor(-reach))) * (DRAWS - 1))
    return LatentRange(drawn[tail], drawn[-1 - tail])
