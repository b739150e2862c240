"""Mixtures of logistics for each pixel, whose locations follow the channels seen before."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.likelihoods.base import at_least_float32, no_levels, sum_event
from vael.models.likelihoods.location_scale import clamp_noise, nearest_level
from vael.models.likelihoods.logistic import LogisticLaw
from vael.types import Shape

MIDDLE = 0.5  # of the range of x, from which a channel's value moves the next one's location


@dataclass(frozen=True)
class MixtureRecord:
    """K logistics for each of the P pixels of an image, or values of a table (then C = 1).

    Given its component k, channel c of a pixel is logistic with scale sigma_kc and location
    ``mu_kc + sum_{b < c} a_kcb (x_b - 1/2)``, x_b the observed value; the component is one for
    all channels of a pixel.

    Attributes:
        log_weights: log pi, ``(*lead, K, P)``.
        location: mu_kc, ``(*lead, K, C, P)``.
        log_sigma: ``(*lead, K, C, P)``.
        slopes: a_kcb, rows of c in turn, ``(*lead, K, C (C - 1) / 2, P)``.
        event_shape: ``E``: ``(C, H, W)`` or ``(D,)``.
        levels: of the data, or None.
        grid: the levels under ``fit=mass``, else None.
        law: the logistic.
    """

    log_weights: Tensor
    location: Tensor
    log_sigma: Tensor
    slopes: Tensor
    event_shape: Shape
    levels: int | None
    grid: int | None
    law: LogisticLaw

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log density of x ``(B, *E)``, nats, ``(S, B)``."""
        return self._joint(self._log_densities(self._by_pixel(x)), mask)

    def log_mass(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log-probability of x ``(B, *E)`` on its levels, nats, ``(S, B)``.

        Raises:
            ConfigError: the data has no levels.
        """
        return self._joint(self._log_masses(self._by_pixel(x)), mask)

    def log_mass_of(self, x: Tensor, channels: int) -> Tensor:
        """Return the log-probability of the first channels of each pixel, nats, ``(S, B, P)``.

        That of one more channel less that of these is what the next one has given them.
        """
        terms = self._log_masses(self._by_pixel(x))[..., :channels, :]
        return torch.logsumexp(self.log_weights + terms.sum(-2), -2)

    @property
    def mean(self) -> Tensor:
        """``sum_k pi_k m_kc``, m_kc the mean of channel c where those before are at their means.

        ``(*lead, *E)``. It is E[x] for the first channel, and for all channels of a density. For
        the others of a mass it leaves out how the rounded mean bends over the spread of the
        channels before: nothing inside of [0, 1]; where much of a component lies outside, a few
        hundredths with 17 levels, and up to a third with 2.
        """
        seen: list[Tensor] = []
        for c in range(self.location.shape[-2]):
            at = _located(self.location, self.slopes, seen, c)
            if self.grid is not None:
                at = self.law.rounded_mean(at, self.log_sigma[..., c, :], self.grid)
            seen.append(at)
        weighted = self.log_weights.exp().unsqueeze(-2) * torch.stack(seen, -2)
        return self._as_event(weighted.sum(-3))

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x from uniform noise in [0, 1) of x's shape, channel by channel.

        The first channel's noise also chooses the component: where it falls between two cumulated
        weights is again uniform.
        """
        u = self._by_pixel(noise).squeeze(-3)
        weights = self.log_weights.exp()
        ends, first = weights.cumsum(-2), u[..., :1, :]
        number = (first >= ends[..., :-1, :]).sum(-2, keepdim=True)
        places = torch.arange(weights.shape[-2], device=u.device).unsqueeze(-1)
        chosen = (places == number).to(u.dtype)
        weight = (chosen * weights).sum(-2, keepdim=True)
        rest = 1 - ((chosen * ends).sum(-2, keepdim=True) - first) / weight
        u = clamp_noise(
            torch.cat((rest.clamp(max=1 - torch.finfo(u.dtype).eps), u[..., 1:, :]), -2)
        )
        mu, log_sigma, slopes = (
            (chosen.unsqueeze(-2) * value).sum(-3)
            for value in (self.location, self.log_sigma, self.slopes)
        )
        drawn: list[Tensor] = []
        for c in range(mu.shape[-2]):
            at = _located(mu, slopes, drawn, c)
            t = self.law.quantile(u[..., c, :])
            drawn.append(nearest_level(at + log_sigma[..., c, :].exp() * t, self.grid))
        return self._as_event(torch.stack(drawn, -2))

    def _by_pixel(self, x: Tensor) -> Tensor:
        """Turn ``(*, *E)`` into ``(*, 1, C, P)``: the components broadcast."""
        lead = x.shape[: x.ndim - len(self.event_shape)]
        return at_least_float32(x).reshape(*lead, 1, *self.location.shape[-2:])

    def _as_event(self, value: Tensor) -> Tensor:
        """Turn ``(*lead, C, P)`` into ``(*lead, *E)``."""
        return value.reshape(*value.shape[:-2], *self.event_shape)

    def _locations(self, x: Tensor) -> Tensor:
        """Locate each channel given the observed ones before, ``(*lead, K, C, P)``."""
        seen = x.unbind(-2)
        each = [_located(self.location, self.slopes, seen, c) for c in range(len(seen))]
        return torch.stack(torch.broadcast_tensors(*each), -2)  # type: ignore[no-untyped-call]

    def _log_densities(self, x: Tensor) -> Tensor:
        t = (x - self._locations(x)) * torch.exp(-self.log_sigma)
        return self.law.log_density(t, self.log_sigma)

    def _log_masses(self, x: Tensor) -> Tensor:
        if self.levels is None:
            raise no_levels("likelihood=logistic_mixture")
        return self.law.log_cell(x, self._locations(x), self.log_sigma, self.levels)

    def _joint(self, terms: Tensor, mask: Tensor | None) -> Tensor:
        """Return ``sum_P log sum_k pi_k prod_c p_kc`` of log p ``(*lead, K, C, P)``.

        Raises:
            ConfigError: a mask, and several channels.
        """
        pixels = torch.logsumexp(self.log_weights + terms.sum(-2), -2)
        channels = terms.shape[-2]
        if mask is not None and channels > 1:
            raise ConfigError(
                "likelihood=logistic_mixture cannot leave out missing values of images with "
                f"{channels} channels, each of which depends on those before it: use "
                "likelihood=logistic."
            )
        return sum_event(pixels, 1, None if mask is None else mask.flatten(1))


def _located(location: Tensor, slopes: Tensor, seen: Sequence[Tensor], c: int) -> Tensor:
    """Return ``mu_c + sum_{b < c} a_cb (x_b - 1/2)``; a_cb is slope c (c - 1) / 2 + b."""
    at = location[..., c, :]
    for b in range(c):
        at = at + slopes[..., c * (c - 1) // 2 + b, :] * (seen[b] - MIDDLE)
    return at
