"""A prior that knows how often each code occurs at each place."""

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.codes.prior import CodePrior, choose
from vael.models.gather import gather
from vael.types import Shape

SMOOTHING = 0.5  # of Krichevsky and Trofimov 1981


class UnigramCodes(CodePrior):
    """``P(c) = prod_m (n_m(c_m) + 1/2) / (sum_k n_m(k) + K/2)``.

    n_m counts the codes at place m in the training steps, ``n <- decay n + #{c_m}``; nothing is
    differentiated.

    Args:
        event_shape: Z.
        grid: of the codes.
        num_codes: K.
        decay: of the counts, in [0, 1).

    Raises:
        ConfigError: the decay is out of range.
    """

    counts: Tensor

    def __init__(
        self, event_shape: Shape, grid: Shape, num_codes: int, decay: float = 0.99
    ) -> None:
        super().__init__(event_shape, grid, num_codes)
        if not 0 <= decay < 1:
            raise ConfigError(f"latents.prior.decay must be in [0, 1), but got {decay}.")
        self.decay = decay
        self.register_buffer("counts", torch.zeros(self.length, num_codes))

    @property
    def log_probs(self) -> Tensor:
        """Log P of each code at each place, nats, ``(M, K)``."""
        weights = self.counts + SMOOTHING
        return weights.log() - weights.sum(-1, keepdim=True).log()

    @torch.no_grad()
    def learn(self, codes: Tensor) -> None:
        """Count the codes ``(B, M)`` of all devices."""
        whole = gather(codes)
        place = torch.arange(self.length, device=codes.device) * self.num_codes
        flat = (whole + place).flatten()
        self.counts.mul_(self.decay)
        self.counts.view(-1).index_add_(0, flat, torch.ones_like(flat, dtype=self.counts.dtype))

    def log_mass(self, codes: Tensor) -> Tensor:
        """Return log P of codes ``(B, M)``, ``(B,)``."""
        return self.log_probs.expand(len(codes), -1, -1).gather(2, codes[..., None]).sum((1, 2))

    def sample(self, uniform: Tensor) -> Tensor:
        """Draw codes ``(N, M)``."""
        return choose(self.log_probs.exp(), uniform.mT).mT
