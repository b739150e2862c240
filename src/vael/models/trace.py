"""The trace of one stochastic pass: all that an objective may see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from vael.errors import ConfigError


class LatentRecord(Protocol):
    """A distribution over z with leading dimensions ``(B,)`` or ``(S, B)`` or none.

    Event dimensions are already summed in everything that it returns.
    """

    @property
    def mean(self) -> Tensor:
        """E[z], ``(..., *Z)``."""
        ...

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log density of z, nats, ``(S, B)`` for z ``(S, B, *Z)``."""
        ...

    def rsample(self, eps: Tensor) -> Tensor:
        """Return z as a differentiable function of the noise eps ``(S, B, *Z)``."""
        ...


class ObservedRecord(Protocol):
    """A distribution over x with leading dimensions ``(S, B)``; events are summed.

    A mask ``(B, *E)`` is True where x was observed, and only there do densities sum. Records that
    know no mask leave the argument out: they are refused where the data has holes.
    """

    @property
    def mean(self) -> Tensor:
        """E[x] of what the fit is about (the discretised law under fit=mass), ``(S, B, *E)``."""
        ...

    def log_prob(self, x: Tensor, mask: Tensor | None = None, /) -> Tensor:
        """Return the textbook log density of x ``(B, *E)``, nats, ``(S, B)``."""
        ...

    def log_mass(self, x: Tensor, mask: Tensor | None = None, /) -> Tensor:
        """Return log-probability of the quantisation cell of x ``(B, *E)``, nats, ``(S, B)``."""
        ...

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x from uniform noise in [0, 1) of shape ``(S, B, *E)``."""
        ...


R = TypeVar("R")


def map_tensors(function: Callable[..., Tensor], *records: R) -> R:
    """Return a record with ``function`` of the tensors that stand at the same place of all.

    The records are dataclasses of one kind, whose fields may hold further ones.
    """
    first = records[0]
    assert is_dataclass(first)
    assert not isinstance(first, type)
    changed: dict[str, object] = {}
    for name in (field.name for field in fields(first)):
        values = [getattr(record, name) for record in records]
        if isinstance(values[0], Tensor):
            changed[name] = function(*values)
        elif is_dataclass(values[0]):
            changed[name] = map_tensors(function, *values)
    return replace(first, **changed)


def detach_record(record: R) -> R:
    """Return the same distribution with parameters that pass no gradient on."""
    return map_tensors(Tensor.detach, record)


@dataclass(frozen=True)
class Latent:
    """One stochastic layer.

    Attributes:
        z: the sample, ``(S, B, *Z)``.
        q: q(z|x).
        p: p(z).
        known_log_q: log q(z|x) of the sample, ``(S, B)``, where drawing it has found it.
        above_given: whether z was drawn after the layers above, which p is given, if there are
            any: only then has the rate at these a closed form, KL(q || p).
        known_log_p: log p(z) likewise.
    """

    z: Tensor
    q: LatentRecord
    p: LatentRecord
    known_log_q: Tensor | None = None
    above_given: bool = True
    known_log_p: Tensor | None = None

    @property
    def log_q(self) -> Tensor:
        """Log q(z|x), nats, ``(S, B)``."""
        return self.q.log_prob(self.z) if self.known_log_q is None else self.known_log_q

    @property
    def log_p(self) -> Tensor:
        """Log p(z), nats, ``(S, B)``."""
        return self.p.log_prob(self.z) if self.known_log_p is None else self.known_log_p


@dataclass(frozen=True)
class Trace:
    """One stochastic pass of a VAE over a batch.

    Attributes:
        x: the data as the likelihood sees it, ``(B, *E)``, with 0 for a missing value.
        px: p(x|z), a record with leading dimensions ``(S, B)``.
        latents: the stochastic layers, top first.
        log_px: log p(x|z) of the trained fit, nats, ``(S, B)``.
        rate: KL(q(z|x) || p(z)) summed over the layers, nats, ``(S, B)``; analytic where there
            is a closed form (then the same for each of the S samples), else log q - log p.
        noise: standard normal noise that an objective asks for, ``(S, B, *shape)`` each.
        context: c, ``(B, C)``, of a conditional model: all of the above is given it.
        mask: where x was observed, ``(B, *E)`` bool; None: everywhere.
        penalty: what the latents add to the loss of any objective, nats, ``(S, B)``, or None.
    """

    x: Tensor
    px: ObservedRecord
    latents: tuple[Latent, ...]
    log_px: Tensor
    rate: Tensor
    noise: tuple[Tensor, ...] = ()
    context: Tensor | None = None
    mask: Tensor | None = None
    penalty: Tensor | None = None

    def log_w(self, log_px: Tensor | None = None) -> Tensor:
        """Return log p(x, z) - log q(z|x), the log importance weight, nats, ``(S, B)``.

        With ``log_px`` given (``px.log_mass(x)``, say) that takes the place of the trained fit.
        """
        log_px = self.log_px if log_px is None else log_px
        return log_px + log_ratio(self.latents)


def only_layer(trace: Trace, user: str) -> Latent:
    """Return the one layer of latents of a trace.

    Raises:
        ConfigError: there are several; ``user`` says who needs one.
    """
    if len(trace.latents) != 1:
        raise ConfigError(
            f"{user} needs a model with one layer of latents, but got {len(trace.latents)}."
        )
    return trace.latents[0]


def log_ratio(latents: tuple[Latent, ...]) -> Tensor:
    """Return log p(z) - log q(z|x) over all layers, nats, ``(S, B)``."""
    return torch.stack([layer.log_p - layer.log_q for layer in latents]).sum(0)


@dataclass(frozen=True)
class Loss:
    """What an objective returns: a scalar to minimise, and detached scalars to log."""

    value: Tensor
    terms: Mapping[str, Tensor]
