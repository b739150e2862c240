"""What a latent structure is made of."""

from collections.abc import Mapping
from typing import Protocol

from torch import nn

from vael.models.posteriors.base import Posterior
from vael.models.priors.base import Prior
from vael.types import Shape


class Parts(Protocol):
    """The parts that the config names, made in the shapes that a latent structure asks for.

    Their weights are drawn in the order in which they are asked for.
    """

    @property
    def event_shape(self) -> Shape:
        """The shape of what the encoder gets of one x: E, or that of x and its mask."""
        ...

    @property
    def latent_shape(self) -> Shape:
        """Z, the shape of one latent of the top layer: ``(model.latent_dim,)``."""
        ...

    @property
    def context_sizes(self) -> Mapping[str, int]:
        """How many numbers of c the ``encoder``, the ``decoder`` and the ``prior`` take."""
        ...

    def posterior(self, shape: Shape) -> Posterior:
        """Make a family over latents of this shape."""
        ...

    def connect(self, emitted: Shape, taken: Shape) -> nn.Module:
        """Return the encoder, a net from E to ``emitted``, and make the decoder from ``taken``.

        To be called once. The decoder becomes the model's p(x|z).
        """
        ...

    def prior(self, shape: Shape) -> Prior:
        """Make a distribution over latents of this shape."""
        ...
