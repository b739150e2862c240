"""The aggregate posterior drawn to the prior by a maximum mean discrepancy."""

import math
from collections.abc import Sequence
from typing import get_args

from torch import Tensor

from vael.errors import ConfigError
from vael.models.gather import gather
from vael.models.latents.base import Latents
from vael.models.posteriors.delta import DeltaRecord
from vael.models.trace import Loss, Trace, only_layer
from vael.objectives.base import Objective
from vael.objectives.mmd import Kernel, estimate_mmd
from vael.types import Shape


class Info(Objective):
    """``loss = mean of  distortion + (1 - alpha) rate + (alpha + lambda - 1) MMD^2(q(z), p(z))``.

    InfoVAE with the maximum mean discrepancy (Zhao et al. 2017, https://arxiv.org/abs/1706.02262,
    Eq. 6). alpha + lambda = 1 is the beta-VAE with beta = lambda; alpha = 1 leaves the rate out:
    MMD-VAE, or with ``kernel=imq`` the WAE-MMD of Tolstikhin et al. 2018
    (https://arxiv.org/abs/1711.01558, Algorithm 2), whose reconstruction cost is here -log p(x|z).

    MMD^2 is the unbiased `vael.objectives.mmd.estimate_mmd` of one z ~ q(z|x) for each example and
    as many draws of the prior, of the batches of several devices together; it can be below 0.

    Args:
        alpha: at most 1; the rate is weighed by 1 - alpha.
        lambda_mmd: the paper's lambda, at least 1 - alpha.
        kernel: ``imq`` or ``rbf``.
        scales: of the kernel, which is the mean over them; each above 0.

    Raises:
        ConfigError: an option is out of range.
    """

    smallest_batch = 2

    def __init__(
        self,
        alpha: float = 0.0,
        lambda_mmd: float = 100.0,
        kernel: Kernel = "rbf",
        scales: Sequence[float] = (1.0,),
    ) -> None:
        super().__init__()
        if not (math.isfinite(alpha) and alpha <= 1):
            raise ConfigError(f"objective.alpha must be a finite number <= 1, but got {alpha}.")
        if not (math.isfinite(lambda_mmd) and alpha + lambda_mmd >= 1):
            raise ConfigError(
                "objective.lambda_mmd must be a finite number >= 1 - objective.alpha = "
                f"{1 - alpha:g}, but got {lambda_mmd}."
            )
        if kernel not in get_args(Kernel):
            choices = ", ".join(get_args(Kernel))
            raise ConfigError(f"objective.kernel must be one of {choices}, but got {kernel!r}.")
        check_scales(scales)
        self.alpha, self.lambda_mmd = alpha, lambda_mmd
        self.needs_density = alpha < 1
        self.kernel, self.scales = kernel, tuple(scales)

    def noise_shapes(self, latents: Latents) -> tuple[Shape, ...]:
        """Return those of the prior, which is drawn from."""
        return latents.prior_noise_shapes

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with distortion and rate (nats per example) and ``mmd``, MMD^2."""
        layer = only_layer(trace, "objective=info")
        z, y = gather(layer.z[0].flatten(1)), gather(layer.p.rsample(trace.noise[0])[0].flatten(1))
        mmd = estimate_mmd(z, y, self.kernel, self.scales)
        distortion = -trace.log_px.mean()
        value = distortion + (self.alpha + self.lambda_mmd - 1) * mmd
        terms = {"distortion": distortion, "mmd": mmd}
        if not isinstance(layer.q, DeltaRecord):
            rate = terms["rate"] = trace.rate.mean()
            value = value + (1 - self.alpha) * rate
        return Loss(value, {name: term.detach() for name, term in terms.items()})


def check_scales(scales: object) -> None:
    """Refuse scales of a kernel that are no list of numbers above 0.

    Raises:
        ConfigError: as said.
    """
    numbers = list(scales) if isinstance(scales, Sequence) and not isinstance(scales, str) else []
    good = all(isinstance(s, int | float) and 0 < s < math.inf for s in numbers)
    if not numbers or not good:
        raise ConfigError(
            f"objective.scales must be a list of finite numbers > 0, but got {scales!r}."
        )
