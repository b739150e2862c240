"""The adversarial autoencoder: the aggregate posterior drawn to the prior by a discriminator."""

import math
from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import softplus

from vael.errors import ConfigError
from vael.models.gather import gather
from vael.models.latents.base import Latents
from vael.models.posteriors.delta import DeltaRecord
from vael.models.trace import Loss, Trace, only_layer
from vael.objectives.base import Objective
from vael.objectives.discriminator import Discriminator
from vael.types import Shape


class Adversarial(Objective):
    """``loss = mean over B of  distortion - weight log D(z)``, no rate.

    Makhzani et al. 2015 (https://arxiv.org/abs/1511.05644), also the WAE-GAN of Tolstikhin et al.
    2018 (https://arxiv.org/abs/1711.01558, Algorithm 1). D tells draws of the prior (1) from
    z ~ q(z) (0), and is trained in the same backward pass by their cross-entropy, which gives no
    gradient to the model as the loss gives none to D, and is no part of the loss's value. At its
    best its log odds are ``log p(z) / q(z)``. -log D(z) is the encoder's non-saturating loss
    (Goodfellow et al. 2014).

    Batches of several devices are joined.

    Args:
        latent_size: d; follows from the model.
        weight: of -log D(z), at least 0.
        width: of the hidden layers of D.
        depth: their number.
        lr: learning rate of D.

    Raises:
        ConfigError: an option is out of range.
    """

    smallest_batch = 2
    needs_density = False

    def __init__(
        self,
        latent_size: int,
        weight: float = 10.0,
        width: int = 256,
        depth: int = 3,
        lr: float = 1e-4,
    ) -> None:
        super().__init__()
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"objective.weight must be a finite number >= 0, but got {weight}.")
        self.weight = weight
        self.discriminator = Discriminator(latent_size, width, depth, lr)

    @property
    def optimizer_options(self) -> Mapping[str, object]:
        """Those of the discriminator."""
        return self.discriminator.optimizer_options

    def noise_shapes(self, latents: Latents) -> tuple[Shape, ...]:
        """Return those of the prior, which is drawn from."""
        return latents.prior_noise_shapes

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with distortion, rate, KL(q(z) || p(z)) and cross-entropy (nats)."""
        layer = only_layer(trace, "objective=aae")
        z, y = gather(layer.z[0].flatten(1)), gather(layer.p.rsample(trace.noise[0])[0].flatten(1))
        odds = self.discriminator.judge(z)
        entropy = self.discriminator.cross_entropy(y, z)
        distortion = -trace.log_px.mean()
        value = distortion + self.weight * softplus(-odds).mean() + (entropy - entropy.detach())
        terms = {"distortion": distortion, "marginal_kl": -odds.mean(), "cross_entropy": entropy}
        if not isinstance(layer.q, DeltaRecord):
            terms["rate"] = trace.rate.mean()
        return Loss(value, {name: term.detach() for name, term in terms.items()})
