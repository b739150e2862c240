"""The mixture of posteriors at learned pseudo-inputs as a prior."""

import math

import torch
from torch import Tensor, nn

from vael.errors import ConfigError
from vael.models.posteriors.base import PosteriorRecord
from vael.models.priors.base import Encode, Prior
from vael.models.priors.mixture_record import LatentMixtureRecord, mixture_noise_shape
from vael.models.priors.normal_mixture import check_components
from vael.types import Shape


class VampPrior(Prior):
    """``p(z) = 1/K sum_k q(z|u_k)``, the pseudo-inputs u_k learned.

    Tomczak and Welling 2018 (https://arxiv.org/abs/1705.07120), Eq. 9. With all training examples
    as u it would be the aggregate posterior, which no other prior beats on them. The u_k start at
    training examples and are not held to the range of the data. A step encodes K examples more.

    Args:
        event_shape: Z, the shape of one latent.
        example_shape: E, the shape of one x.
        components: K.

    Raises:
        ConfigError: K is out of range; in ``forward``: the posterior is a flow.
    """

    def __init__(self, event_shape: Shape, example_shape: Shape, components: int = 100) -> None:
        super().__init__(event_shape)
        check_components(components)
        self.pseudo_inputs = nn.Parameter(torch.zeros(components, *example_shape))

    @property
    def noise_shape(self) -> Shape:
        """``(2 + prod(Z),)``: the component must be drawn, too."""
        return mixture_noise_shape(self.event_shape)

    @property
    def num_examples(self) -> int:
        """K."""
        return len(self.pseudo_inputs)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Start the pseudo-inputs at x ``(K, *E)``, as the model sees it."""
        self.pseudo_inputs.copy_(x)

    def forward(self, encode: Encode, context: Tensor | None = None) -> LatentMixtureRecord:
        """Return the record of p, without leading dimensions, by the encoder of the model."""
        components = encode(self.pseudo_inputs)
        assert isinstance(components, PosteriorRecord)
        if not components.quick_log_prob:
            raise ConfigError(
                "prior=vamp needs log q(z|u) of each z at every pseudo-input, for which a flow "
                "would have to be inverted: use prior=mixture, or posterior=normal."
            )
        count = len(self.pseudo_inputs)
        weights = components.mean.new_full((count,), -math.log(count))
        return LatentMixtureRecord(components, weights)
