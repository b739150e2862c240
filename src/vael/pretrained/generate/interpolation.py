"""Interpolate between two latents."""

from collections.abc import Callable

import torch
from torch import Tensor

Way = Callable[[Tensor, Tensor, Tensor], Tensor]


def interpolate_linear(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """Return ``(1 - t) a + t b``, ``(T, *Z)`` for latents ``Z`` and t ``(T,)`` in [0, 1]."""
    steps = t.reshape(-1, *[1] * start.ndim)
    return (1 - steps) * start + steps * end


def interpolate_spherical(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """Return ``(sin((1 - t) w) a + sin(t w) b) / sin w``, w the angle between a and b.

    It keeps the length that latents of the prior have (Shoemake 1985), where a straight line
    passes nearer to 0 than any of them (White 2016, https://arxiv.org/abs/1609.04468). Where a
    and b lie on one line through 0 there is no arc: then it is `interpolate_linear`.
    """
    lengths = start.norm() * end.norm()
    cosine = (start * end).sum() / lengths.clamp(min=1e-30)
    angle = torch.arccos(cosine.clamp(-1, 1))
    if torch.sin(angle) < 1e-4 or lengths == 0:
        return interpolate_linear(start, end, t)
    steps = t.reshape(-1, *[1] * start.ndim)
    arc = torch.sin((1 - steps) * angle) * start + torch.sin(steps * angle) * end
    return arc / torch.sin(angle)


WAYS: dict[str, Way] = {"spherical": interpolate_spherical, "linear": interpolate_linear}
