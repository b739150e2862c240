"""The variational autoencoder: latents and a likelihood."""

from typing import cast

import torch
from torch import Tensor, nn

from vael.errors import ConfigError
from vael.models.condition import Conditioning
from vael.models.conditional import Conditional
from vael.models.latents.base import Latents
from vael.models.likelihoods.base import Likelihood
from vael.models.trace import Latent, LatentRecord, ObservedRecord, Trace
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

    A conditional model (Sohn et al. 2015) is ``p(x, z | c) = p(x|z, c) p(z|c)`` with
    ``q(z|x, c)``: every number of it is one given c, which comes by ``context=``, ``(B, C)``; the
    ``condition`` makes it of labels, factors or columns.

    With ``holes`` a NaN in x is a missing value: q sees 0 in its place, and p(x|z) is that of the
    observed values alone, so that the bound is one on the log density of those (the missing ones
    integrate to 1; Mattei and Frellsen 2019, https://arxiv.org/abs/1812.02633).

    Args:
        latents: how z is inferred and sampled.
        likelihood: p(x|z); its family also has ``log_likelihood``.
        condition: from what is told of an example to c; None: nothing is told.
        holes: whether x may have missing values; without, nothing looks for them.
        shows_mask: whether q sees which values are observed: 1 and 0 as further columns of a
            table or channels of an image.
    """

    def __init__(
        self,
        latents: Latents,
        likelihood: Conditional[ObservedRecord],
        condition: Conditioning | None = None,
        *,
        holes: bool = False,
        shows_mask: bool = False,
    ) -> None:
        super().__init__()
        self.latents = latents
        self.likelihood = likelihood
        self.condition = condition
        self.holes = holes
        self.shows_mask = shows_mask

    @property
    def noise_shapes(self) -> tuple[Shape, ...]:
        """The event shapes of the noise that ``forward`` needs."""
        return self.latents.noise_shapes

    @property
    def has_density(self) -> bool:
        """Whether q(z|x) has a density: else there is no bound on log p(x), and no bpd."""
        return self.latents.has_density

    @property
    def is_discrete(self) -> bool:
        """Whether latents are codes, all of q(z|x) on one: k samples bound no more than one."""
        return self.latents.num_codes > 0

    @property
    def prior_noise_shapes(self) -> tuple[Shape, ...]:
        """The event shapes of the noise that ``sample`` needs."""
        return self.latents.prior_noise_shapes

    @property
    def latent_shape(self) -> Shape:
        """The shape of z of the top layer: with a single one that of what the decoder gets."""
        shapes = self.noise_shapes
        return shapes[0] if len(shapes) > 1 else self.likelihood.in_shape

    @property
    def _family(self) -> Likelihood[ObservedRecord]:
        # a string: torch's compiler has no name for a class with brackets
        return cast("Likelihood[ObservedRecord]", self.likelihood.family)

    def context(self, given: Tensor | None) -> Tensor | None:
        """Return c ``(B, C)`` of what is told, ``(B, K)``; None where the model takes none.

        Raises:
            ConfigError: nothing is told to a conditional model.
        """
        if self.condition is None:
            return None
        if given is None:
            raise ConfigError(
                "this model is conditional: it needs the condition of each example, but got none."
            )
        found: Tensor = self.condition(given)
        return found

    def forward(
        self, x: Tensor, eps: tuple[Tensor, ...], *, context: Tensor | None = None
    ) -> Trace:
        """Make one stochastic pass over x ``(B, *E)`` with noise ``(S, B, *Z)``."""
        x, mask = self.split_holes(x)
        h, latents = self.latents.infer(self.show(x, mask), eps, context=context)
        px = self.decode(h, context=context)
        log_px, rate = self.log_likelihood(px, x, mask), self.latents.rate(latents)
        more = self.latents.penalty(latents)
        return Trace(x, px, latents, log_px, rate, (), context, mask, more)

    def infer(
        self, x: Tensor, eps: tuple[Tensor, ...], *, context: Tensor | None = None
    ) -> tuple[Tensor, tuple[Latent, ...]]:
        """Return what the decoder gets, ``(S, B, *H)``, and the layers, for x and its noise."""
        return self.latents.infer(self.show(*self.split_holes(x)), eps, context=context)

    def split_holes(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return x with 0 for each missing value, and where it was observed; None: no holes."""
        if not self.holes:
            return x, None
        mask = ~torch.isnan(x)
        return torch.where(mask, x, 0), mask

    def show(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return what q sees of x and its mask: x, or both along the first axis of an example."""
        x = self._family.show(x)
        if mask is None:
            return x
        x = torch.where(mask, x, 0)  # a count of 0 is not shown as 0
        return torch.cat([x, mask.to(x.dtype)], 1) if self.shows_mask else x

    def log_likelihood(self, px: ObservedRecord, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return log p(x|z) of the trained fit for x ``(B, *E)``, nats, ``(S, B)``."""
        if mask is None:
            return self._family.log_likelihood(px, x)
        return self._family.log_likelihood(px, x, mask)

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

    def encode(self, x: Tensor, *, context: Tensor | None = None) -> LatentRecord:
        """Return q(z|x) of the top layer for x ``(B, *E)``, with leading dimensions ``(B,)``."""
        return self.latents.encode(self.show(*self.split_holes(x)), context=context)

    def decode(self, z: Tensor, *, context: Tensor | None = None) -> ObservedRecord:
        """Return p(x|z) for what the decoder gets, ``(*lead, *H)``."""
        px: ObservedRecord = self.likelihood(z, context)
        return px

    def decode_top(self, z: Tensor, *, context: Tensor | None = None) -> ObservedRecord:
        """Return p(x|z) for z of the top layer ``(*lead, *Z)``, those below at their means."""
        return self.decode(self.latents.complete(z, context=context), context=context)

    def sample(self, eps: tuple[Tensor, ...], *, context: Tensor | None = None) -> ObservedRecord:
        """Return p(x|z) at z from the prior, with leading dimensions ``(S, B)`` of the noise."""
        return self.decode(self.latents.sample(eps, context=context), context=context)

    def prior(self, context: Tensor | None = None) -> LatentRecord:
        """Return p(z) of the top layer; p(z|c) of a conditional prior leads with ``(B,)``."""
        like = next(self.parameters())
        count = 1 if context is None else len(context)
        x = like.new_zeros(count, *self._family.event_shape)
        still = tuple(like.new_zeros(1, count, *shape) for shape in self.noise_shapes)
        return self.infer(x, still, context=context)[1][0].p

    def reconstruct(self, x: Tensor, *, context: Tensor | None = None) -> Tensor:
        """Return the mean of p(x|z) at each layer's posterior mean, ``(B, *E)`` for x ``(B, *E)``.

        The decoder's output at E[z], not the mean over q of its outputs.
        """
        h = self.latents.mean(self.show(*self.split_holes(x)), context=context)
        return self.decode(h[None], context=context).mean[0]
