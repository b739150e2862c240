"""The mixture of discretised logistics of PixelCNN++, for images and tables."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.likelihoods.base import Likelihood, at_least_float32
from vael.models.likelihoods.logistic import LogisticLaw
from vael.models.likelihoods.mixture import MixtureRecord
from vael.models.likelihoods.scales import PredictedScale, least_sigma, make_scale
from vael.types import Shape


class LogisticMixture(Likelihood[MixtureRecord]):
    """Mixture of discretised logistics (Salimans et al. 2017, PixelCNN++, Section 2.1 and 2.2).

    https://arxiv.org/abs/1701.05517, on x in [0, 1]. A table's columns are independent mixtures.
    At theta = 0 the components stand evenly over the range of x, with equal weights.

    Args:
        event_shape: ``(C, H, W)`` or ``(D,)`` (a fact of the data).
        levels: values per dimension, or None (a fact of the data).
        components: K.
        sigma: where the scales of the components start, in units of x; they come from the decoder.
        fit: ``mass``, ``density`` or ``auto``.

    The scales are bounded as those of ``LocationScaleLikelihood``.

    Shape:
        theta: ``(*lead, K (1 + 2 C + C (C - 1) / 2), 1, H, W)`` or ``(*lead, 3 K, D)``.

    Raises:
        ConfigError: another event shape, components is no positive integer, or a bad sigma.
    """

    support = "real"
    places: Tensor

    def __init__(
        self,
        event_shape: Sequence[int],
        levels: int | None,
        components: int = 5,
        sigma: float = 0.1,
        fit: str = "auto",
    ) -> None:
        super().__init__(event_shape, levels, fit)
        if isinstance(components, bool) or not isinstance(components, int) or components < 1:
            raise ConfigError(
                f"likelihood.components must be a positive integer, but got {components!r}."
            )
        if len(self.event_shape) not in (1, 3):
            raise ConfigError(
                "likelihood=logistic_mixture needs images (channels, height, width) or a table "
                f"(columns,), but the data has examples of shape {self.event_shape}."
            )
        image = len(self.event_shape) == 3
        self.channels = self.event_shape[0] if image else 1
        self.pixels: Shape = (1, *self.event_shape[1:]) if image else self.event_shape
        self.slopes = self.channels * (self.channels - 1) // 2
        self.num_params = components * (1 + 2 * self.channels + self.slopes)
        self.components = components
        scale = make_scale("predicted", sigma, least_sigma(levels), self.event_shape)
        assert isinstance(scale, PredictedScale)
        self.scale = scale
        self.law = LogisticLaw()
        places = (torch.arange(components) + 0.5) / components
        # A table's columns are standardised: from -1 to 1. Derived, so not in the checkpoint.
        places = places if levels is not None else 2 * places - 1
        self.register_buffer("places", places.view(-1, 1, 1), persistent=False)

    @property
    def theta_shape(self) -> Shape:
        """The parameters of one pixel, or column, and where it is."""
        return (self.num_params, *self.pixels)

    def link(self, theta: Tensor) -> MixtureRecord:
        """Take logits of the weights, then mu, raw scales and slopes, the latter through tanh."""
        lead = theta.shape[: theta.ndim - len(self.theta_shape)]
        rows = theta.reshape(*lead, self.components, self.num_params // self.components, -1)
        sizes = [1, self.channels, self.channels, self.slopes]
        logits, mu, raw, slopes = torch.split(rows, sizes, -2)
        return MixtureRecord(
            logits.squeeze(-2).log_softmax(-2),
            mu + self.places,
            at_least_float32(self.scale([raw])),
            torch.tanh(slopes),
            self.event_shape,
            self.levels,
            self.grid,
            self.law,
        )

    def at_bound(self, px: MixtureRecord) -> Tensor:
        """Return the share of the scales within 5 % of their lower bound."""
        return self.scale.share_at_bound(px.log_sigma)
