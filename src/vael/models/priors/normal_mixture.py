"""The mixture of normals as a prior."""

import math

import torch
from torch import Tensor, nn

from vael.errors import ConfigError
from vael.models.posteriors.normal import NormalRecord
from vael.models.priors.base import Encode, Prior
from vael.models.priors.mixture_record import LatentMixtureRecord, mixture_noise_shape
from vael.types import Shape


class NormalMixture(Prior):
    """``p(z) = sum_k pi_k N(z; mu_k, diag(sigma_k^2))``, all of it learned.

    The rate is estimated: ``log q(z|x) - log p(z)`` at a sample of q (Dilokthanakul et al. 2016,
    https://arxiv.org/abs/1611.02648, have the same prior under a hierarchy).

    Args:
        event_shape: Z, the shape of one latent.
        components: K.
        spread: standard deviation of the mu_k at the start; there sigma_k = 1 and pi_k = 1 / K.

    Raises:
        ConfigError: K or the spread is out of range.
    """

    def __init__(self, event_shape: Shape, components: int = 10, spread: float = 1.0) -> None:
        super().__init__(event_shape)
        check_components(components)
        if not 0 < spread < math.inf:
            raise ConfigError(
                f"prior.spread must be a finite number > 0, but got {spread!r}: components that "
                "start the same stay the same."
            )
        shape = (components, *self.event_shape)
        self.logits = nn.Parameter(torch.zeros(components))
        self.mu = nn.Parameter(spread * torch.randn(shape))
        self.log_sigma = nn.Parameter(torch.zeros(shape))

    @property
    def noise_shape(self) -> Shape:
        """``(2 + prod(Z),)``: the component must be drawn, too."""
        return mixture_noise_shape(self.event_shape)

    def forward(self, encode: Encode, context: Tensor | None = None) -> LatentMixtureRecord:
        """Return the record of p, without leading dimensions; neither argument is used."""
        components = NormalRecord(self.mu, self.log_sigma, len(self.event_shape))
        return LatentMixtureRecord(components, torch.log_softmax(self.logits, 0))


def check_components(components: int) -> None:
    """Refuse a number of components that is none.

    Raises:
        ConfigError: it is no integer, or below 1.
    """
    if type(components) is not int or components < 1:
        raise ConfigError(f"prior.components must be an integer >= 1, but got {components!r}.")
