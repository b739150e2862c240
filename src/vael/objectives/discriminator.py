"""A classifier that an objective trains beside the model, in the same backward pass."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from vael.errors import ConfigError


class Discriminator(nn.Module):
    """The log odds that z is of the first of two kinds: an MLP with leaky rectifiers.

    Where it is trained to the end on both kinds in equal shares it is the log of the ratio of
    their densities. None of its methods gives a gradient both to it and to z.

    Attributes:
        optimizer_options: of its weights' group; the betas are those of Kim and Mnih 2018.

    Args:
        latent_size: d.
        width: of each hidden layer, at least 1.
        depth: hidden layers, at least 1.
        lr: learning rate of its weights, above 0.

    Raises:
        ConfigError: an option is out of range.
    """

    def __init__(self, latent_size: int, width: int, depth: int, lr: float) -> None:
        super().__init__()
        for name, count in {"width": width, "depth": depth}.items():
            if type(count) is not int or count < 1:
                raise ConfigError(f"objective.{name} must be an integer >= 1, but got {count!r}.")
        if not 0 < lr < math.inf:
            raise ConfigError(f"objective.lr must be a finite number > 0, but got {lr}.")
        self.optimizer_options = {"lr": lr, "betas": (0.5, 0.9)}
        sizes = [latent_size, *[width] * depth]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, z: Tensor) -> Tensor:
        """Return the log odds of z ``(n, d)``, nats, ``(n,)``."""
        odds: Tensor = self.net(z).squeeze(-1)
        return odds.float() if odds.dtype in (torch.bfloat16, torch.float16) else odds

    def judge(self, z: Tensor) -> Tensor:
        """Return the same with a gradient for z, none for the discriminator."""
        weights = {name: value.detach() for name, value in self.named_parameters()}
        odds: Tensor = torch.func.functional_call(self, weights, (z,))
        return odds

    def cross_entropy(self, first: Tensor, second: Tensor) -> Tensor:
        """Return ``-(mean log D(first) + mean log(1 - D(second))) / 2``, nats, a scalar.

        With a gradient for the discriminator, none for z. log 2 is that of guessing.
        """
        own, other = self(first.detach()), self(second.detach())
        return (softplus(-own).mean() + softplus(other).mean()) / 2
