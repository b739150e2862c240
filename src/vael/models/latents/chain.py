"""Layers of latents that are inferred from the data upwards."""

from torch import Tensor

from vael.models.latents.layers import Layers, Read
from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.trace import Latent
from vael.types import Shape


class Chain(Layers):
    """``q(z|x) = q(z_1|x) q(z_2|z_1) ... q(z_L|z_(L-1))``: each layer from that below.

    The model of several layers of Rezende et al. 2014 (https://arxiv.org/abs/1401.4082) and Burda
    et al. 2016 (https://arxiv.org/abs/1509.00519, Section 2)::

        x ─►─ q(z_1|x) ─► z_1 ─►─ q(z_2|z_1) ─► z_2 ─►─ p(z_2)
        x ─◄─ p(x|z_1) ◄─ z_1 ─◄─ p(z_1|z_2) ◄─ z_2

    The rate of the top layer is its KL given z below, that of any other layer the estimate
    ``log q(z_l|z_(l-1)) - log p(z_l|z_(l+1))``: z_(l+1) was drawn from z_l, and a KL that took
    them for independent would be another number.
    """

    def reads(self, family: Posterior) -> Shape:
        """Return the shape of z of the layer below."""
        return family.event_shape

    @property
    def top_is_exact(self) -> bool:
        """Whether there is but one layer: the top hangs on a draw of that below."""
        return len(self.shapes) == 1

    def look(self, x: Tensor, context: Tensor | None = None) -> PosteriorRecord:
        """Return q(z_1|x), with leading dimensions ``(B,)``."""
        q: PosteriorRecord = self.posterior(x, context)
        return q

    def encode(self, x: Tensor, *, context: Tensor | None = None) -> PosteriorRecord:
        """Return q(z_L|z_(L-1)), the layers below at their means; leading dimensions ``(B,)``."""
        q = self.look(x, context)
        for above in reversed(self.up):
            q = above(q.mean, context)
        return q

    def draw(self, read: Read, eps: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Latent, ...]]:
        """Return z_1 ``(S, B, *Z_1)`` and the layers, from the top down."""
        q, p_top, count, context = read
        self.check_noise(eps, count)
        drawn = [(q, *q.rsample_and_log_prob(eps[-1]))]
        for above, noise in zip(reversed(self.up), eps[-2::-1], strict=True):
            q = above(drawn[-1][1], context)
            drawn.append((q, *q.rsample_and_log_prob(noise)))
        drawn.reverse()
        (q, z, log_q), *lower = drawn
        latents = [Latent(z, q, p_top, log_q)]
        for below, (q, z, log_q) in zip(self.down, lower, strict=True):
            p = below(latents[-1].z, context)
            latents.append(Latent(z, q, p, log_q, above_given=False))
        return latents[-1].z, tuple(latents)

    def means(self, read: Read, latents: tuple[Latent, ...]) -> tuple[Tensor, ...]:
        """Return E[z_l] of q, that below at its mean, ``(B, *Z_l)`` each, from the top down."""
        means = [read[0].mean]
        for above in reversed(self.up):
            means.append(above(means[-1], read[3]).mean)
        return tuple(reversed(means))
