"""FactorVAE: the total correlation by a discriminator, weighted."""

import math
from collections.abc import Mapping

from torch import Tensor

from vael.errors import ConfigError
from vael.models.gather import gather
from vael.models.latents.base import Latents
from vael.models.trace import Loss, Trace, only_layer
from vael.objectives.base import Objective
from vael.objectives.discriminator import Discriminator
from vael.types import Shape


class FactorVae(Objective):
    """``loss = mean over B of  distortion + rate + gamma log D(z) / (1 - D(z))``.

    Eq. 2 of Kim and Mnih 2018 (https://arxiv.org/abs/1802.05983). D tells z ~ q(z) from z whose
    dimensions come from different examples, a draw of ``prod_j q(z_j)``: at its best the last
    term is the total correlation of q(z). It is trained in the same backward pass by the
    cross-entropy of both, which gives no gradient to the model as the loss gives none to D: the
    gradients are those of two optimisers (Algorithm 2), but that both kinds come from one batch,
    where the paper permutes another. The cross-entropy is no part of the loss's value.

    Batches of several devices are joined.

    Args:
        latent_size: d; follows from the model.
        gamma: weight of the total correlation, at least 0.
        width: of the hidden layers of D.
        depth: their number.
        lr: learning rate of D.

    Raises:
        ConfigError: an option is out of range.
    """

    smallest_batch = 2

    def __init__(
        self,
        latent_size: int,
        gamma: float = 10.0,
        width: int = 256,
        depth: int = 3,
        lr: float = 1e-4,
    ) -> None:
        super().__init__()
        if not (math.isfinite(gamma) and gamma >= 0):
            raise ConfigError(f"objective.gamma must be a finite number >= 0, but got {gamma}.")
        self.gamma = gamma
        self.discriminator = Discriminator(latent_size, width, depth, lr)

    @property
    def optimizer_options(self) -> Mapping[str, object]:
        """Those of the discriminator."""
        return self.discriminator.optimizer_options

    def noise_shapes(self, latents: Latents) -> tuple[Shape, ...]:
        """Return that of z: its order in each dimension is a permutation."""
        return latents.noise_shapes

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with distortion, rate, total correlation and cross-entropy (nats)."""
        layer = only_layer(trace, "objective=factor_vae")
        z, noise = gather(layer.z[0].flatten(1)), gather(trace.noise[0][0].flatten(1))
        correlation = self.discriminator.judge(z).mean()
        entropy = self.discriminator.cross_entropy(z, permute_dimensions(z, noise))
        distortion, rate = -trace.log_px.mean(), trace.rate.mean()
        value = distortion + rate + self.gamma * correlation + (entropy - entropy.detach())
        terms = {"distortion": distortion, "rate": rate}
        terms |= {"total_correlation": correlation, "cross_entropy": entropy}
        return Loss(value, {name: term.detach() for name, term in terms.items()})


def permute_dimensions(z: Tensor, noise: Tensor) -> Tensor:
    """Return z ``(n, d)`` with each dimension permuted over n by itself, in the order of noise."""
    return z.gather(0, noise.argsort(0))
