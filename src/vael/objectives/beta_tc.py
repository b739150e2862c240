"""The rate split into mutual information, total correlation and dimension-wise KL."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.gather import gather, gather_record
from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import Latent, Loss, Trace, only_layer
from vael.objectives.base import Objective

Estimator = Literal["stratified", "weighted"]


@dataclass(frozen=True)
class Split:
    """Estimates of the parts of the rate, scalars, nats; their sum is mean log q(z|x) - log p(z).

    Attributes:
        information: mean of log q(z|x) - log q(z).
        correlation: mean of log q(z) - sum_j log q(z_j).
        dimension_wise: mean of sum_j log q(z_j) - log p(z).
    """

    information: Tensor
    correlation: Tensor
    dimension_wise: Tensor


class BetaTC(Objective):
    """The negative ELBO with a weight for each part of the rate.

        loss = mean over B of  distortion + rate
               + (alpha - 1) I(z; n) + (beta - 1) TC(z) + (gamma - 1) sum_j KL(q(z_j) || p(z_j))

    Eq. 4 of Chen et al. 2018 (https://arxiv.org/abs/1802.04942), whose weights are alpha, beta
    and gamma. The rate itself is the model's, in closed form where there is one: all weights 1
    are the ELBO. ``q(z) = 1/N sum_n q(z|x_n)`` over all N training examples is estimated from a
    batch of B, for each z and for each dimension of it, by ``sum_m w_m q(z|x_m)``:

    - ``stratified``: w is 1/N for the example of z, else ``(N - 1) / (N (B - 1))``. This is the
      minibatch stratified sampling of appendix C.2, averaged over the order of the batch; its
      mean is q(z), and at B = N it is q(z).
    - ``weighted``: w = 1 / (N B), Eq. 5. Its mean is less than q(z), at B = N by the factor N, so
      that the logged parts are off there: the mutual information by log N, the total correlation
      by (d - 1) log N, the dimension-wise KL by - d log N.

    Batches of several devices are joined. The cost grows with B^2 d.

    Args:
        num_data: N; follows from the data.
        alpha: weight of the mutual information, at least 0.
        beta: of the total correlation, at least 0.
        gamma: of the dimension-wise KL, at least 0.
        estimator: of q(z).

    Raises:
        ConfigError: an option is out of range; in ``forward``: q has no densities by dimension.
    """

    smallest_batch = 2

    def __init__(
        self,
        num_data: int,
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        estimator: Estimator = "stratified",
    ) -> None:
        super().__init__()
        for name, weight in {"alpha": alpha, "beta": beta, "gamma": gamma}.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise ConfigError(
                    f"objective.{name} must be a finite number >= 0, but got {weight}."
                )
        if estimator not in get_args(Estimator):
            raise ConfigError(
                f"objective.estimator must be one of {', '.join(get_args(Estimator))}, "
                f"but got {estimator!r}."
            )
        if num_data < 2:
            raise ConfigError(f"objective.num_data must be at least 2, but got {num_data}.")
        self.num_data, self.estimator = num_data, estimator
        self.weights = (alpha, beta, gamma)

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with distortion, rate and its parts as terms (nats per example)."""
        split = self.split(only_layer(trace, "objective=beta_tc"))
        distortion, rate = -trace.log_px.mean(), trace.rate.mean()
        parts = (split.information, split.correlation, split.dimension_wise)
        value = distortion + rate
        for weight, part in zip(self.weights, parts, strict=True):
            value = value + (weight - 1) * part
        terms = {
            "distortion": distortion,
            "rate": rate,
            "mutual_information": split.information,
            "total_correlation": split.correlation,
            "dimension_wise_kl": split.dimension_wise,
        }
        return Loss(value, {name: term.detach() for name, term in terms.items()})

    def split(self, layer: Latent) -> Split:
        """Estimate the parts of the rate from the first sample of each example, of all devices."""
        z, log_p = gather(layer.z[0]), gather(layer.log_p[0])
        q = gather_record(layer.q)
        joint, single = _log_pairs(q, z)
        log_w = self._log_weights(joint)
        log_q = torch.logsumexp(joint + log_w, 1)
        log_product = torch.logsumexp(single + log_w.unsqueeze(-1), 1).sum(-1)
        return Split(
            (joint.diagonal() - log_q).mean(),
            (log_q - log_product).mean(),
            (log_product - log_p).mean(),
        )

    def _log_weights(self, like: Tensor) -> Tensor:
        """Return log w of each example m for each z, ``(B, B)``."""
        count, total = len(like), self.num_data
        if self.estimator == "weighted":
            return torch.full_like(like, -math.log(total * count))
        others = math.log((total - 1) / (total * max(count - 1, 1)))
        own = torch.eye(count, dtype=torch.bool, device=like.device)
        return torch.full_like(like, others).masked_fill(own, -math.log(total))


def _log_pairs(q: object, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return log q(z_i|x_m), nats, ``(B, B)``, and by dimension ``(B, B, d)``; i comes first."""
    rows = z.unsqueeze(1)
    single = q.log_marginals(rows) if isinstance(q, PosteriorRecord) else None
    if single is None:
        raise ConfigError(
            "objective=beta_tc needs the density of each dimension of q(z|x), which this "
            "posterior does not have: use posterior=normal."
        )
    assert isinstance(q, PosteriorRecord)
    return q.log_prob(rows), single.flatten(2)
