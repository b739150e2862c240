"""A single layer of latents."""

from torch import Tensor

from vael.models.conditional import Conditional
from vael.models.latents.base import Latents
from vael.models.posteriors.base import PosteriorRecord
from vael.models.priors.base import Prior
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
        posterior: q(z|x), from x to a record over z.
        prior: p(z); it gets the posterior at call time.
    """

    def __init__(self, posterior: Conditional[PosteriorRecord], prior: Prior) -> None:
        super().__init__()
        self.posterior = posterior
        self.prior = prior

    @property
    def noise_shapes(self) -> tuple[Shape, ...]:
        """``(Z,)``."""
        return (self.prior.event_shape,)

    def encode(self, x: Tensor) -> PosteriorRecord:
        """Return q(z|x) for x ``(B, *E)``, with leading dimensions ``(B,)``."""
        q: PosteriorRecord = self.posterior(x)
        return q

    def read(self, x: Tensor) -> tuple[PosteriorRecord, LatentRecord]:
        """Return q(z|x) with leading dimensions ``(B,)``, and p(z)."""
        return self.encode(x), self.prior(self.posterior)

    def draw(
        self, read: tuple[PosteriorRecord, LatentRecord], eps: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Latent, ...]]:
        """Return z ``(S, B, *Z)`` and its layer for q, p and eps ``((S, B, *Z),)``."""
        noise, (q, p) = self._noise(eps), read
        # A batch dimension of 1 would broadcast: all examples would share their noise.
        given, wanted = noise.shape[1], len(q.mean)
        assert given == wanted, f"noise for {given} examples, got {wanted}"
        z = q.rsample(noise)
        return z, (Latent(z, q, p),)

    def sample(self, eps: tuple[Tensor, ...]) -> Tensor:
        """Draw z from the prior, ``(S, B, *Z)``, by eps ``((S, B, *Z),)``."""
        z: Tensor = self.prior(self.posterior).rsample(self._noise(eps))
        return z

    def _noise(self, eps: tuple[Tensor, ...]) -> Tensor:
        (noise,) = eps
        shape = self.prior.event_shape
        assert noise.shape[2:] == shape, f"noise must be (S, B, *{shape}), got {noise.shape}"
        return noise
