"""A prior that predicts each code from those before it."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from vael.errors import ConfigError
from vael.models.codes.prior import CodePrior, choose
from vael.types import Shape


class AutoregressiveCodes(CodePrior):
    """``P(c) = prod_m P(c_m | c_1, ..., c_m-1)``, by a recurrent net that reads row by row.

    A GRU (Cho et al. 2014, https://arxiv.org/abs/1406.1078) is given the code before, in a grid
    also the one above, and the place. It begins as the uniform prior.

    Args:
        event_shape: Z.
        grid: of the codes.
        num_codes: K.
        hidden: width of the net.

    Raises:
        ConfigError: hidden is no whole number of at least 1.
    """

    def __init__(self, event_shape: Shape, grid: Shape, num_codes: int, hidden: int = 64) -> None:
        super().__init__(event_shape, grid, num_codes)
        if type(hidden) is not int or hidden < 1:
            raise ConfigError(
                f"latents.prior.hidden must be a whole number >= 1, but got {hidden!r}."
            )
        self.lags = [1, math.prod(self.grid[1:])] if len(self.grid) > 1 else [1]
        # the last of K + 1 stands for what lies outside
        self.inputs = nn.ModuleList(nn.Embedding(num_codes + 1, hidden) for _ in self.lags)
        self.place = nn.Parameter(torch.zeros(self.length, hidden))
        self.net = nn.GRU(hidden, hidden, batch_first=True)
        self.out = nn.Linear(hidden, num_codes)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def log_mass(self, codes: Tensor) -> Tensor:
        """Return log P of codes ``(B, M)``, ``(B,)``."""
        with torch.autocast(codes.device.type, enabled=False):
            shifted = [
                functional.pad(codes, (lag, 0), value=self.num_codes)[:, : self.length]
                for lag in self.lags
            ]
            hidden, _ = self.net(self._read(shifted) + self.place)
            # flat: torch rounds otherwise where a view of three dimensions has a gradient
            scores = self.out(hidden.flatten(0, 1))
            cost = functional.cross_entropy(scores, codes.flatten(), reduction="none")
        return -cost.reshape(codes.shape).sum(-1)

    def sample(self, uniform: Tensor) -> Tensor:
        """Draw codes ``(N, M)``, one place after another."""
        outside = torch.full_like(uniform[:, 0], self.num_codes, dtype=torch.int64)
        drawn, state = [outside] * max(self.lags), None
        for place, numbers in zip(self.place, uniform.unbind(1), strict=True):
            before = [drawn[-lag][:, None] for lag in self.lags]
            hidden, state = self.net(self._read(before) + place, state)
            law = self.out(hidden[:, 0]).softmax(-1)
            drawn.append(choose(law, numbers[:, None])[:, 0])
        return torch.stack(drawn[-self.length :], 1)

    def _read(self, codes: list[Tensor]) -> Tensor:
        read = [table(each) for table, each in zip(self.inputs, codes, strict=True)]
        return torch.stack(read).sum(0)
