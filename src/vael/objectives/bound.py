"""Bounds from several importance samples, and estimators of their gradients."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import Latent, LatentRecord, Loss, Trace, detach_record, only_layer
from vael.objectives.base import Objective

Gradient = Literal["plain", "stl", "dreg", "piwae"]
SMALLEST = 1e-30  # of a weight that is divided by: in float32 what is left of it is no zero yet


class Bound(Objective):
    """The negative of a bound on log p(x) from m groups of k importance weights.

    With ``w = p(x|z) p(z) / q(z|x)`` and ``R_a = log(mean over k of w^(1 - a)) / (1 - a)``,

        loss = - mean over B, m of  (1 - mix) R_alpha + mix * (mean over k of log w)

    IWAE is m = 1, alpha = mix = 0 (Burda et al. 2016, https://arxiv.org/abs/1509.00519); MIWAE
    has m > 1, CIWAE mix > 0, PIWAE gradient=piwae (Rainforth et al. 2018,
    https://arxiv.org/abs/1802.04537); VR-IWAE has alpha > 0 (Daudel et al. 2023,
    https://arxiv.org/abs/2210.06226) and is the ELBO at alpha = 1. k = 1 is the ELBO with a
    sampled rate. Nats, summed over x and z, averaged over the batch.

    Gradients: ``plain`` is the bound's own. ``stl`` leaves out the score of q, whose mean is 0 at
    k = 1 (Roeder et al. 2017, https://arxiv.org/abs/1703.09194): it has no variance where q is the
    posterior. ``dreg`` has the mean of plain and less variance (Tucker et al. 2019,
    https://arxiv.org/abs/1810.04152). ``piwae`` trains p(x|z) and p(z) by the IWAE of all
    m k weights, and q by the MIWAE of their groups.

    Args:
        k: weights in a group, at least 1.
        m: groups, at least 1.
        alpha: in [0, 1].
        mix: share of the ELBO, in [0, 1].
        gradient: estimator of the gradient; other than plain with alpha = mix = 0 only.

    Raises:
        ConfigError: an option is out of range, or two do not go together; in ``forward``, for a
            gradient other than plain: the posterior is a flow, and the gradient needs its density
            at a given z; or there are several layers of latents.
    """

    def __init__(
        self,
        k: int = 5,
        m: int = 1,
        alpha: float = 0.0,
        mix: float = 0.0,
        gradient: Gradient = "plain",
    ) -> None:
        super().__init__()
        for name, count in {"k": k, "m": m}.items():
            if not isinstance(count, int) or count < 1:
                raise ConfigError(f"objective.{name} must be an integer >= 1, but got {count!r}.")
        for name, share in {"alpha": alpha, "mix": mix}.items():
            if not 0 <= share <= 1:
                raise ConfigError(f"objective.{name} must be in [0, 1], but got {share!r}.")
        if gradient not in get_args(Gradient):
            choices = ", ".join(get_args(Gradient))
            raise ConfigError(
                f"objective.gradient must be one of {choices}, but got {gradient!r}."
            )
        if gradient != "plain" and (alpha or mix):
            raise ConfigError(
                f"objective.gradient={gradient} is for the bound with objective.alpha=0 and "
                f"objective.mix=0, but they are {alpha} and {mix}: use gradient=plain."
            )
        self.k, self.m, self.alpha, self.mix, self.gradient = k, m, alpha, mix, gradient
        self.num_samples = k * m

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with the terms ``distortion`` and ``rate`` (nats per example).

        Both are of the single samples, so their sum is the negative ELBO and above the loss.
        """
        log_w = trace.log_w()
        surrogate = self._surrogate(trace, log_w)
        log_w = log_w.detach()
        value = surrogate + (-self.bound(log_w).mean() - surrogate).detach()
        terms = {"distortion": -trace.log_px.mean().detach(), "rate": trace.rate.mean().detach()}
        return Loss(value, terms)

    def bound(self, log_w: Tensor) -> Tensor:
        """Return the bound for log weights ``(m k, B)``, nats, ``(B,)``."""
        groups = log_w.reshape(self.m, self.k, -1)
        order = 1 - self.alpha
        mean = groups.mean(1)
        if order:
            renyi = (torch.logsumexp(order * groups, 1) - math.log(self.k)) / order
            mean = (1 - self.mix) * renyi + self.mix * mean
        return mean.mean(0)

    def _surrogate(self, trace: Trace, log_w: Tensor) -> Tensor:
        """Return a scalar with the gradient of the estimator; its value means nothing.

        ``- sum_i d_i log w_i + s_i log q(z_i)``, q constant in the first term and z in the second;
        d weighs what p(x|z) and p(z) get. What flows through z is weighed by e_i instead: it is
        scaled by e_i / d_i on its way back. With d = e = s it is ``- sum_i d_i log w_i``.
        """
        own = self._weights(log_w.detach())
        if self.gradient == "plain":
            return -(own * log_w).sum(0).mean()
        d = e = own
        if self.gradient == "dreg":
            e = self.m * own * own
        elif self.gradient == "piwae":
            d = torch.softmax(log_w.detach(), 0)
        layer = only_layer(trace, f"objective.gradient={self.gradient}")
        _check_density(layer.q, self.gradient)
        d = d.clamp(min=SMALLEST)
        through = e / d
        _scale_gradient(layer, through)
        log_ratio = layer.log_p - detach_record(layer.q).log_prob(layer.z)
        total = -(d * trace.log_px) - d * log_ratio
        if self.gradient == "piwae":
            total = total + own * layer.q.log_prob(layer.z.detach())
        return total.sum(0).mean()

    def _weights(self, log_w: Tensor) -> Tensor:
        """Return the derivatives of the bound by the log weights, ``(m k, B)``; their sum is 1."""
        groups = log_w.reshape(self.m, self.k, -1)
        own = torch.softmax((1 - self.alpha) * groups, 1)
        return ((1 - self.mix) * own + self.mix / self.k).flatten(0, 1) / self.m


def _check_density(q: LatentRecord, gradient: Gradient) -> None:
    """Refuse a posterior without a cheap density at a given z."""
    if isinstance(q, PosteriorRecord) and not q.quick_log_prob:
        raise ConfigError(
            f"objective.gradient={gradient} needs log q(z|x) of a given z, for which a flow would "
            "have to be inverted: use objective.gradient=plain, or posterior=normal."
        )


def _scale_gradient(layer: Latent, factor: Tensor) -> None:
    """Multiply what comes back to z by a factor ``(S, B)``."""
    if layer.z.requires_grad:
        shaped = factor.reshape(*factor.shape, *[1] * (layer.z.ndim - 2))
        # a hook that held z would be held by it, and no collector sees such a circle
        layer.z.register_hook(lambda grad: grad * shaped)  # type: ignore[no-untyped-call]
