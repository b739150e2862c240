"""The variational autoencoder: latents and a likelihood."""

from typing import cast

from torch import Tensor, nn

from vael.models.conditional import Conditional
from vael.models.latents.base import Latents
from vael.models.likelihoods.base import Likelihood
from vael.models.trace import LatentRecord, ObservedRecord, Trace
from vael.types import Shape


class VAE(nn.Module):
    """``p(x, z) = p(x|z) p(z)`` with an approximate posterior ``q(z|x)``.

    Kingma and Welling 2014 (https://arxiv.org/abs/1312.6114), Rezende et al. 2014
    (https://arxiv.org/abs/1401.4082)::

                 ┌─────────┐ z        ┌────────────┐
        x ───►───┤ latents ├────►─────┤ likelihood ├────► p(x|z)
        eps ─►───┤         │          └────────────┘
                 └─────────┘

    All randomness enters by ``eps``: a tuple with one standard normal tensor ``(S, B, *shape)``
    for each of ``noise_shapes``, to sample for each of ``prior_noise_shapes``.

    Args:
        latents: how z is inferred and sampled.
        likelihood: p(x|z); its family also has ``log_likelihood``.
    """

    def __init__(self, latents: Latents, likelihood: Conditional[ObservedRecord]) -> None:
        super().__init__()
        self.latents = latents
        self.likelihood = likelihood

    @property
    def noise_shapes(self) -> tuple[Shape, ...]:
        """The event shapes of the noise that ``forward`` needs."""
        return self.latents.noise_shapes

    @property
    def has_density(self) -> bool:
        """Whether q(z|x) has a density: else there is no bound on log p(x), and no bpd."""
        return self.latents.has_density

    @property
    def prior_noise_shapes(self) -> tuple[Shape, ...]:
        """The event shapes of the noise that ``sample`` needs."""
        return self.latents.prior_noise_shapes

    @property
    def _family(self) -> Likelihood[ObservedRecord]:
        return cast(Likelihood[ObservedRecord], self.likelihood.family)

    def forward(self, x: Tensor, eps: tuple[Tensor, ...]) -> Trace:
        """Make one stochastic pass over x ``(B, *E)`` with noise ``(S, B, *Z)``."""
        h, latents = self.latents.infer(x, eps)
        px = self.decode(h)
        return Trace(x, px, latents, self.log_likelihood(px, x), self.latents.rate(latents))

    def log_likelihood(self, px: ObservedRecord, x: Tensor) -> Tensor:
        """Return log p(x|z) of the trained fit for x ``(B, *E)``, nats, ``(S, B)``."""
        return self._family.log_likelihood(px, x)

    @property
    def fits_mass(self) -> bool:
        """Whether ``log_px`` of a trace is ``log_mass``: what is trained is what bpd scores."""
        return self._family.fit == "mass"

    @property
    def family(self) -> str:
        """Name of the family of p(x|z), in lower case."""
        return type(self._family).__name__.lower()

    def at_bound(self, px: ObservedRecord) -> Tensor:
        """Return the share of the scales of p(x|z) that sit at their lower bound, a scalar."""
        return self._family.at_bound(px)

    def encode(self, x: Tensor) -> LatentRecord:
        """Return q(z|x) of the top layer for x ``(B, *E)``, with leading dimensions ``(B,)``."""
        return self.latents.encode(x)

    def decode(self, z: Tensor) -> ObservedRecord:
        """Return p(x|z) for what the decoder gets, ``(*lead, *H)``."""
        px: ObservedRecord = self.likelihood(z)
        return px

    def sample(self, eps: tuple[Tensor, ...]) -> ObservedRecord:
        """Return p(x|z) at z from the prior, with leading dimensions ``(S, B)`` of the noise."""
        return self.decode(self.latents.sample(eps))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the mean of p(x|z) at each layer's posterior mean, ``(B, *E)`` for x ``(B, *E)``.

        The decoder's output at E[z], not the mean over q of its outputs.
        """
        return self.decode(self.latents.mean(x)[None]).mean[0]
