"""The base class of likelihoods: shapes, the choice of mass or density, checks of theta."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from vael.errors import ConfigError
from vael.models.trace import ObservedRecord
from vael.types import Shape

Fit = Literal["mass", "density"]
Record = TypeVar("Record", bound=ObservedRecord)


class Likelihood(nn.Module, ABC, Generic[Record]):
    """A distribution over x with its link: raw network outputs in, a record of tensors out.

    The training term is ``log_likelihood``: the log-probability of the quantisation cell of x
    (``fit=mass``, what is trained is what ``bpd`` scores) or the textbook's log-density
    (``fit=density``).

    Args:
        event_shape: ``E``, the shape of one example (a fact of the data).
        levels: values per dimension, ``x = k / (levels - 1)``, or None (a fact of the data).
        fit: ``mass``, ``density``, or ``auto``: mass where the data has levels.

    Attributes:
        grid: the levels that a record is read on: those of the data under ``mass``, else None.

    Shape:
        theta: ``(*lead, num_params, *E)`` -> a record with leading dimensions ``lead``.

    Raises:
        ConfigError: an unknown fit, or ``mass`` for data without levels.

    Example:
        A subclass says how many numbers of the decoder it takes and makes its record of them:
        here coins, for data with two levels.

        >>> class CoinRecord:
        ...     def __init__(self, logits):
        ...         self.mean = logits.sigmoid()
        ...     def log_prob(self, x):
        ...         return sum_event((x * self.mean + (1 - x) * (1 - self.mean)).log(), 1)
        ...     log_mass = log_prob
        ...     def sample(self, noise):
        ...         return (noise < self.mean).float()
        >>> class Coins(Likelihood):
        ...     support = "unit"
        ...     num_params = 1
        ...     def link(self, theta):
        ...         return CoinRecord(theta.squeeze(-2))
        ...     def at_bound(self, px):
        ...         return px.mean.new_zeros(())
        >>> family = Coins(event_shape=(3,), levels=2)
        >>> family.theta_shape
        (1, 3)
        >>> px = family(torch.zeros(5, 2, 1, 3))  # S = 5 samples, B = 2 examples
        >>> family.log_likelihood(px, torch.ones(2, 3))[0]  # 3 log(1/2), nats
        tensor([-2.0794, -2.0794])
    """

    support: ClassVar[Literal["unit", "real"]]
    num_params: int
    fit: Fit

    def __init__(self, event_shape: Sequence[int], levels: int | None, fit: str = "auto") -> None:
        super().__init__()
        if levels is not None and levels < 2:
            raise ConfigError(f"data must have at least 2 levels per dimension, got {levels}.")
        self.event_shape: Shape = tuple(event_shape)
        self.levels = levels
        self.fit = _resolve_fit(fit, levels)
        self.grid = levels if self.fit == "mass" else None

    @property
    def theta_shape(self) -> Shape:
        """What a network must emit for one example: the leading axis numbers the parameters."""
        return (self.num_params, *self.event_shape)

    def forward(self, theta: Tensor) -> Record:
        """Return the record at theta ``(*lead, *theta_shape)``, in at least float32."""
        wanted = self.theta_shape
        if theta.shape[-len(wanted) :] != wanted:
            raise ValueError(
                f"{type(self).__name__} expects theta of shape (*, {', '.join(map(str, wanted))}),"
                f" got {tuple(theta.shape)}: the decoder must emit likelihood.theta_shape."
            )
        return self.link(at_least_float32(theta))

    @abstractmethod
    def link(self, theta: Tensor) -> Record:
        """Return the record at a theta that has the right shape and precision."""

    def log_likelihood(self, px: Record, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return log p(x|z) of the fit: ``log_mass`` or ``log_prob`` of x, nats, ``(S, B)``.

        With a mask ``(B, *E)`` it is that of the observed values, where the mask is True.
        """
        log = px.log_mass if self.fit == "mass" else px.log_prob
        return log(x) if mask is None else log(x, mask)

    def show(self, x: Tensor) -> Tensor:
        """Return what the encoder gets of x: x itself, unless its scale is not for nets."""
        return x

    @abstractmethod
    def at_bound(self, px: Record) -> Tensor:
        """Return the share of the scales within 5 % of their lower bound, 0 without scales."""


def at_least_float32(value: Tensor) -> Tensor:
    """Raise bfloat16 and float16 to float32; sums over thousands of pixels need it."""
    return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value


def sum_event(value: Tensor, event_dims: int, mask: Tensor | None = None) -> Tensor:
    """Sum over the trailing ``event_dims`` dimensions: ``(S, B, *E)`` -> ``(S, B)``.

    With a mask ``(B, *E)`` only where it is True: the log density of independent dimensions
    without those that were not observed, which integrate to 1.
    """
    if mask is not None:
        value = torch.where(mask, value, 0)
    return value.flatten(-event_dims).sum(-1) if event_dims else value


def no_levels(name: str) -> ConfigError:
    """Return the error of a mass that is asked of data without levels."""
    return ConfigError(
        f"{name} has no log_mass here: a probability mass needs data with levels (x = k / "
        f"(levels - 1)), but this data has none; score it by val/elbo, not by val/bpd."
    )


def native_levels(name: str, levels: int | None, fit: str) -> int:
    """Return the levels, where the family ``name`` can be a mass over them and nothing else.

    Raises:
        ConfigError: data without levels, or ``fit=density``.
    """
    if levels is None:
        raise ConfigError(
            f"likelihood={name} needs data with levels (x = k / (levels - 1)), but this data has "
            "none: use likelihood=gaussian."
        )
    if fit == "density":
        raise ConfigError(
            f"likelihood={name} is a probability mass over the levels and has no density, but got "
            "likelihood.fit=density: use likelihood.fit=mass or auto."
        )
    return levels


def _resolve_fit(fit: str, levels: int | None) -> Fit:
    if fit == "density" or (fit == "auto" and levels is None):
        return "density"
    if fit == "mass" and levels is None:
        raise ConfigError(
            "likelihood.fit=mass needs data with levels (x = k / (levels - 1)), but this data has "
            "none: use likelihood.fit=density or auto."
        )
    if fit in ("mass", "auto"):
        return "mass"
    raise ConfigError(f"likelihood.fit must be one of auto, mass, density, but got {fit!r}.")
