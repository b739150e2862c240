"""Free bits: a rate that costs nothing up to so many nats."""

import math

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.gather import gather
from vael.models.latents.base import layer_factors, layer_rate
from vael.models.posteriors.normal import NormalRecord
from vael.models.trace import Latent, Loss, Trace
from vael.objectives.elbo import Elbo
from vael.objectives.schedules import BetaSchedule


class FreeBits(Elbo):
    """``loss = mean of -log p(x|z) + beta(step) * sum over groups g of max(free_nats, KL_g)``.

    KL_g is the KL of the dimensions of group g, averaged over the batch before it is compared:
    below ``free_nats`` nothing pushes it towards 0, so that dimensions do not collapse (Kingma et
    al. 2016, https://arxiv.org/abs/1606.04934, Eq. 15). Groups are of neighbouring dimensions.
    Where q(z|x) correlates its dimensions, KL_g is that of its marginals, and their correlation
    (the rest of the rate) is never free. ``free_nats=0`` is `Elbo`. With several processes KL_g
    is averaged over all of them. Of several layers of latents each has groups of its own.

    Args:
        beta: weight of the rate, at least 0.
        schedule: factor on beta by optimiser step (warm-up).
        free_nats: of each group, nats, at least 0.
        group: dimensions in a group; 1: each by itself; None: all of a layer together, which needs
            no KL in closed form.
        num_samples: samples of q per example, at least 1.

    Raises:
        ConfigError: an option is out of range; in ``forward``, group does not divide the latent
            dimensions, or the KL of a dimension has no closed form.
    """

    def __init__(
        self,
        beta: float,
        schedule: BetaSchedule,
        free_nats: float = 0.5,
        group: int | None = 1,
        num_samples: int = 1,
    ) -> None:
        super().__init__(beta, schedule, num_samples)
        if not (math.isfinite(free_nats) and free_nats >= 0):
            raise ConfigError(
                f"objective.free_nats must be a finite number >= 0, but got {free_nats}."
            )
        if group is not None and not (isinstance(group, int) and group >= 1):
            raise ConfigError(f"objective.group must be null or an integer >= 1, not {group!r}.")
        self.free_nats, self.group = free_nats, group

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with the terms ``distortion``, ``rate`` and ``charged_rate`` (nats)."""
        distortion, rate = -trace.log_px.mean(), trace.rate.mean()
        charged = self.charge(trace)
        terms = {"distortion": distortion, "rate": rate, "charged_rate": charged}
        detached = {name: term.detach() for name, term in terms.items()}
        return Loss(distortion + beta * charged, detached)

    def charge(self, trace: Trace) -> Tensor:
        """Return ``sum over groups of max(free_nats, KL_g)``, a scalar, nats."""
        rate = gather(trace.rate.mean()[None]).mean()
        if self.group is None:
            if len(trace.latents) < 2:
                return rate.clamp(min=self.free_nats)
            rates = torch.stack([layer_rate(layer).mean() for layer in trace.latents])
            return gather(rates[None]).mean(0).clamp(min=self.free_nats).sum()
        groups = torch.cat([self._groups(layer, self.group) for layer in trace.latents])
        charged = groups.clamp(min=self.free_nats).sum()
        if all(isinstance(layer.q, NormalRecord) for layer in trace.latents):
            return charged  # the rest is 0, and would leave a gradient of rounding errors
        return charged + rate - groups.sum()

    def _groups(self, layer: Latent, size: int) -> Tensor:
        """Return the mean KL of each group of a layer, ``(d / size,)``, nats."""
        d = layer.z.shape[2:].numel()
        if d % size:
            raise ConfigError(
                f"objective.group must divide the {d} latent dimensions (model.latent_dim), but "
                f"got {size}."
            )
        factors = layer_factors(layer)
        if factors is None:
            lacks = "this posterior does not have against this prior"
            raise ConfigError(
                f"objective.group={size} needs the KL of each dimension in closed form, which "
                f"{lacks if layer.above_given else 'latents=chain does not have below the top'}: "
                "use objective.group=null."
            )
        means = factors.reshape(-1, d).mean(0).reshape(-1, size).sum(1)
        return gather(means[None]).mean(0)
