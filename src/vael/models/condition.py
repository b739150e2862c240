"""Conditions: what is told of an example, as the numbers that nets take."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vael.errors import ConfigError


class Conditioning(nn.Module, ABC):
    """From what the data says of an example, ``(B, K)``, to c, ``(B, size)``.

    Attributes:
        size: C, numbers of c.
    """

    size: int

    @abstractmethod
    def forward(self, given: Tensor) -> Tensor:
        """Map K numbers as they stand in the data, ``(B, K)``, to c ``(B, C)``."""

    def initialise(self, given: Tensor) -> None:
        """Take what it needs of all training examples, ``(N, K)``."""


class LabelCondition(Conditioning):
    """A class: one-hot, or as a learned vector.

    Args:
        classes: how many there are.
        embedding: numbers of the vector of a class; None: one-hot.

    Shape:
        ``(B, 1)`` class numbers -> ``(B, classes)`` or ``(B, embedding)``.
    """

    def __init__(self, classes: int, embedding: int | None = None) -> None:
        super().__init__()
        self.classes = classes
        self.size = classes if embedding is None else embedding
        self.embedding = None if embedding is None else nn.Embedding(classes, embedding)

    def forward(self, given: Tensor) -> Tensor:
        """Map class numbers ``(B, 1)`` to c; looks at no value."""
        if self.embedding is not None:
            found: Tensor = self.embedding(given[:, 0].long())
            return found
        return (given == torch.arange(self.classes, device=given.device)).to(given.dtype)


class NumberCondition(Conditioning):
    """Numbers, standardised by the mean and standard deviation of the training examples.

    Args:
        names: of the numbers.

    Shape:
        ``(B, K)`` in the units of the data -> ``(B, K)``.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.size = len(self.names)
        self.register_buffer("shift", torch.zeros(self.size))
        self.register_buffer("scale", torch.ones(self.size))

    def initialise(self, given: Tensor) -> None:
        """Take the moments of all training examples.

        Raises:
            ConfigError: a number is the same for all of them: it tells nothing.
        """
        mean, std = given.double().mean(0), given.double().std(0, correction=0)
        for name, spread in zip(self.names, std.tolist(), strict=True):
            if not spread > 0:
                raise ConfigError(
                    f"condition.names: {name} is the same for all training examples, so it tells "
                    "nothing: leave it out."
                )
        self.shift.copy_(mean)
        self.scale.copy_(std)

    def forward(self, given: Tensor) -> Tensor:
        """Return ``(given - mean) / standard deviation``."""
        return (given - self.shift) / self.scale
