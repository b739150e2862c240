"""A single layer of latents."""

from typing import cast

from torch import Tensor

from vael.models.conditional import Conditional
from vael.models.latents.base import Latents
from vael.models.latents.parts import Parts
from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.trace import Latent, LatentRecord
from vael.types import Shape


class Flat(Latents):
    """One latent per example, inferred from x and handed to the decoder as it is.

    ::

                 ┌───────────┐ q(z|x)              ┌────────────┐
        x ───►───┤ posterior ├───►───┬──► z ───►───┤ likelihood ├───► p(x|z)
                 └───────────┘       │             └────────────┘
                               eps ──┘
                 ┌───────────┐ p(z)
                 │   prior   ├───►─── rate = KL(q(z|x) || p(z))
                 └───────────┘

    Args:
        parts: makes q(z|x), or q(z|x, c), which maps x to a record over z, and p(z), or p(z|c),
            which gets the posterior at call time.
    """

    takes_context = True

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        family = parts.posterior(parts.latent_shape)
        encoder = parts.connect(family.theta_shape, parts.latent_shape)
        self.posterior = Conditional(encoder, family, parts.event_shape)
        self.prior = parts.prior(parts.latent_shape)

    @property
    def noise_shapes(self) -> tuple[Shape, ...]:
        """``(Z,)``."""
        return (self.prior.event_shape,)

    @property
    def has_density(self) -> bool:
        """Whether the posterior has one."""
        return cast(Posterior, self.posterior.family).has_density

    @property
    def prior_noise_shapes(self) -> tuple[Shape, ...]:
        """``(Z,)``, or what the prior asks for."""
        return (self.prior.noise_shape,)

    def encode(self, x: Tensor, *, context: Tensor | None = None) -> PosteriorRecord:
        """Return q(z|x) for x ``(B, *E)``, with leading dimensions ``(B,)``."""
        q: PosteriorRecord = self.posterior(x, context)
        return q

    def read(
        self, x: Tensor, *, context: Tensor | None = None
    ) -> tuple[PosteriorRecord, LatentRecord, int]:
        """Return q(z|x) with leading dimensions ``(B,)``, p(z), and B."""
        return self.encode(x, context=context), self.prior(self.posterior, context), len(x)

    def draw(
        self, read: tuple[PosteriorRecord, LatentRecord, int], eps: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Latent, ...]]:
        """Return z ``(S, B, *Z)`` and its layer for q, p, B and eps ``((S, B, *Z),)``."""
        noise, (q, p, wanted) = take_noise(eps, self.noise_shapes), read
        # A batch dimension of 1 would broadcast: all examples would share their noise.
        given = noise.shape[1]
        assert given == wanted, f"noise for {given} examples, got {wanted}"
        z, log_q = q.rsample_and_log_prob(noise)
        return z, (Latent(z, q, p, log_q),)

    def mean(self, x: Tensor, *, context: Tensor | None = None) -> Tensor:
        """Return E[z] of q(z|x), ``(B, *Z)``, for x ``(B, *E)``."""
        return self.encode(x, context=context).mean

    def sample(self, eps: tuple[Tensor, ...], *, context: Tensor | None = None) -> Tensor:
        """Draw z from the prior, ``(S, B, *Z)``, by the noise that it asks for."""
        noise = take_noise(eps, self.prior_noise_shapes)
        z: Tensor = self.prior(self.posterior, context).rsample(noise)
        return z


def take_noise(eps: tuple[Tensor, ...], shapes: tuple[Shape, ...]) -> Tensor:
    """Return the noise ``(S, B, *shape)`` of a single layer, whose shape must be this one."""
    (noise,), (shape,) = eps, shapes
    assert noise.shape[2:] == shape, f"noise must be (S, B, *{shape}), got {noise.shape}"
    return noise
