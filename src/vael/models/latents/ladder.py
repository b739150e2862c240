"""Layers of latents that are inferred from the top down."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from vael.errors import ConfigError
from vael.models.conditional import Conditional
from vael.models.latents.layers import Layers, Read
from vael.models.latents.parts import Parts
from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.posteriors.normal import Normal, NormalRecord
from vael.models.trace import Latent
from vael.types import Shape

Merge = Literal["precision", "residual"]


class Ladder(Layers):
    """``q(z|x) = q(z_L|x) q(z_(L-1)|z_L, x) ... q(z_1|z_2, x)``: each layer from that above and x.

    Deterministic nets go up from x and leave ``N(m_l, s_l^2)`` at each layer. On the way down q is
    made of it and of ``p(z_l|z_(l+1)) = N(mu, sigma^2)``, the net that generates::

        x ─►─ m_1, s_1 ─►─ m_2, s_2
                 │             │
                 ▼             ▼
        x ─◄─ z_1 ◄─ p(z_1|z_2) ◄─ z_2 ◄─ p(z_2)

    ``merge=precision``: the normalised product of the two, ``1/s_q^2 = 1/s_l^2 + 1/sigma^2`` and
    ``mu_q / s_q^2 = m_l / s_l^2 + mu / sigma^2`` (Sønderby et al. 2016,
    https://arxiv.org/abs/1602.02282, Eq. 9-10). ``merge=residual``: ``N(mu + d, (sigma e^r)^2)``,
    d and r from a net of m_l, s_l and z_(l+1) (Kingma et al. 2016,
    https://arxiv.org/abs/1606.04934; Vahdat and Kautz 2020, https://arxiv.org/abs/2007.03898,
    Section 3.2). With no layer below it is ``flat``.

    Args:
        parts: as all others of `Layers`; below the top q is normal.
        merge: precision or residual.

    Raises:
        ConfigError: an option is out of range, or the posterior is no diagonal normal.
    """

    def __init__(
        self,
        parts: Parts,
        below: Sequence[int] = (100,),
        hidden: Sequence[int] | Sequence[Sequence[int]] = (100, 100),
        activation: str = "tanh",
        init: str = "glorot",
        merge: Merge = "precision",
    ) -> None:
        if merge not in get_args(Merge):
            raise ConfigError(
                f"latents.merge must be one of {', '.join(get_args(Merge))}, but got {merge!r}."
            )
        super().__init__(parts, below, hidden, activation, init)
        self.merge = nn.ModuleList()
        if self.down and not isinstance(self.posterior.family, Normal):
            raise ConfigError(
                "latents=ladder makes q of two normal distributions, but the posterior is "
                f"{type(self.posterior.family).__name__}: use posterior=normal, or latents=chain."
            )
        for step, (above, own) in enumerate(zip(self.shapes, self.shapes[1:], strict=False)):
            if merge == "residual":
                size = torch.Size(above).numel() + 2 * torch.Size(own).numel()
                net = self.net("encoder", step, (size,), (2, *own))
                self.merge.append(Conditional(net, Normal(own), (size,)))

    def reads(self, family: Posterior) -> Shape:
        """Return the shape of m and log s of the layer below."""
        return family.theta_shape

    def look(self, x: Tensor, context: Tensor | None = None) -> tuple[PosteriorRecord, ...]:
        """Return the ``N(m_l, s_l^2)``, from the top down; the first is q(z_L|x)."""
        found = [self.posterior(x, context)]
        for above in reversed(self.up):
            found.append(above(torch.stack([found[-1].mu, found[-1].log_sigma], 1), context))
        return tuple(reversed(found))

    def encode(self, x: Tensor, *, context: Tensor | None = None) -> PosteriorRecord:
        """Return q(z_L|x), with leading dimensions ``(B,)``."""
        return self.look(x, context)[0]

    def draw(self, read: Read, eps: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Latent, ...]]:
        """Return z_1 ``(S, B, *Z_1)`` and the layers, from the top down."""
        (q, *lower), p_top, count, context = read
        self.check_noise(eps, count)
        z, log_q = q.rsample_and_log_prob(eps[0])
        latents = [Latent(z, q, p_top, log_q)]
        for step, (seen, noise) in enumerate(zip(lower, eps[1:], strict=True)):
            q, p = self._combine(step, seen, latents[-1].z, context)
            latents.append(Latent(q.rsample(noise), q, p))
        return latents[-1].z, tuple(latents)

    def means(self, read: Read, latents: tuple[Latent, ...]) -> tuple[Tensor, ...]:
        """Return E[z_l] of q, that above at its mean, ``(B, *Z_l)`` each, from the top down."""
        top, *lower = read[0]
        means = [top.mean]
        for step, seen in enumerate(lower):
            means.append(self._combine(step, seen, means[-1], read[3])[0].mean)
        return tuple(means)

    def _combine(
        self, step: int, seen: NormalRecord, above: Tensor, context: Tensor | None
    ) -> tuple[NormalRecord, NormalRecord]:
        """Return q and p of the layer below ``step`` for z of that above, ``(*, B, *Z)``."""
        p: NormalRecord = self.down[step](above, context)
        if self.merge:
            d, r = self._residual(step, seen, above, context)
            return NormalRecord(p.mu + d, p.log_sigma + r, p.event_ndim), p
        share = torch.sigmoid(2 * (p.log_sigma - seen.log_sigma))  # of what was seen of x
        log_precision = torch.logaddexp(-2 * seen.log_sigma, -2 * p.log_sigma)
        mu = p.mu + share * (seen.mu - p.mu)
        return NormalRecord(mu, -0.5 * log_precision, p.event_ndim), p

    def _residual(
        self, step: int, seen: NormalRecord, above: Tensor, context: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return d and r, ``(*, B, *Z_l)`` each."""
        lead = above.shape[: above.ndim - len(self.shapes[step])]
        of_x = [t.flatten(1).expand(*lead, -1) for t in (seen.mu, seen.log_sigma)]
        given = torch.cat([*of_x, above.flatten(len(lead))], -1)
        found: NormalRecord = self.merge[step](given, context)
        return found.mu, found.log_sigma
