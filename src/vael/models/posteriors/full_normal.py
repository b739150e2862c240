"""The normal distribution with a full covariance."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.posteriors.normal import NormalRecord, excess
from vael.models.posteriors.quadratic import HALF_LOG_2PI
from vael.models.trace import LatentRecord
from vael.types import Shape


@dataclass(frozen=True, eq=False)
class FullNormalRecord(PosteriorRecord):
    """``N(z; mu, L L^T)``, L lower triangular with a positive diagonal.

    Attributes:
        mu: ``(..., d)``.
        log_diag: log of the diagonal of L, ``(..., d)``.
        lower: L below its diagonal, zero elsewhere, ``(..., d, d)``.
    """

    mu: Tensor
    log_diag: Tensor
    lower: Tensor

    @property
    def mean(self) -> Tensor:
        """E[z], ``(..., d)``."""
        return self.mu

    @property
    def sigma(self) -> Tensor:
        """Square roots of the diagonal of L L^T, ``(..., d)``."""
        return self.marginals().sigma

    @property
    def tril(self) -> Tensor:
        """L, the Cholesky factor of the covariance, ``(..., d, d)``."""
        return self.lower + torch.diag_embed(torch.exp(self.log_diag))

    def log_prob(self, z: Tensor) -> Tensor:
        """Return ``-1/2 |L^-1 (z - mu)|^2 - sum log diag L - d/2 log 2 pi``, nats, ``(S, B)``."""
        diff, samples = self._columns(z - self.mu)
        u = torch.linalg.solve_triangular(self.tril, diff, upper=False)
        u = self._rows(u, samples)
        return (-0.5 * u * u - self.log_diag - HALF_LOG_2PI).sum(-1)

    def log_marginals(self, z: Tensor) -> Tensor:
        """Return ``log N(z_i; mu_i, (L L^T)_ii)``, nats, ``(S, B, d)``."""
        return self.marginals().log_marginals(z)

    def rsample(self, eps: Tensor) -> Tensor:
        """Return ``z = mu + L eps``, ``(S, B, d)``."""
        columns, samples = self._columns(eps)
        # autocast would round the samples, and with them log q, to bfloat16
        with torch.autocast(columns.device.type, enabled=False):
            product = self.tril @ columns
        return self.mu + self._rows(product, samples)

    def kl(self, p: LatentRecord) -> Tensor | None:
        """Return KL against a diagonal normal p, nats, ``(B,)``; None against anything else.

        ``1/2 (tr A A^T + |m|^2 - d) - sum log diag A`` with ``A = diag(1/sigma_p) L`` and
        ``m = (mu - mu_p) / sigma_p`` (Rasmussen and Williams 2006, Eq. A.23).
        """
        if not isinstance(p, NormalRecord):
            return None
        scale = torch.exp(-p.log_sigma)
        m = (self.mu - p.mu) * scale
        below = (self.lower * scale.unsqueeze(-1)).square().sum((-2, -1))
        return 0.5 * ((excess(2 * (self.log_diag - p.log_sigma)) + m * m).sum(-1) + below)

    def factors(self, p: LatentRecord) -> Tensor | None:
        """Return KL of the marginals against a diagonal normal p, nats, ``(B, d)``, or None."""
        return self.marginals().factors(p)

    def marginals(self) -> NormalRecord:
        """Return ``prod_i N(z_i; mu_i, (L L^T)_ii)``."""
        return NormalRecord(self.mu, 0.5 * torch.log(self.tril.square().sum(-1)))

    def _columns(self, t: Tensor) -> tuple[Tensor, Shape]:
        """Turn ``(S, B, d)`` into ``(B, d, S)``: one factor serves all samples without a copy."""
        samples = t.shape[: t.ndim - self.mu.ndim]
        return t.reshape(-1, *t.shape[len(samples) :]).movedim(0, -1), samples

    def _rows(self, t: Tensor, samples: Shape) -> Tensor:
        t = t.movedim(-1, 0)
        return t.reshape(*samples, *t.shape[1:])


class FullNormal(Posterior):
    """``q(z|x) = N(z; mu(x), L(x) L(x)^T)``.

    L is ``exp(theta)`` on the diagonal and ``theta / sqrt(d)`` below: d(d-1)/2 entries of order 1,
    which is what an untrained net emits, then add order d to the rate instead of order d^2.

    Args:
        event_shape: Z, a vector ``(d,)``.

    Shape:
        theta: ``(*, d + d + d(d-1)/2)``: mu, log diagonal, lower triangle row by row.

    Raises:
        ConfigError: the latent is not a vector.
    """

    index: Tensor

    def __init__(self, event_shape: Shape) -> None:
        super().__init__(event_shape)
        if len(self.event_shape) != 1:
            raise ConfigError(
                "posterior=full_normal needs a latent that is a vector (d,), "
                f"but got one of shape {self.event_shape}: use posterior=normal."
            )
        (d,) = self.event_shape
        row, column = torch.tril_indices(d, d, offset=-1)
        self.register_buffer("index", row * d + column, persistent=False)

    @property
    def theta_shape(self) -> Shape:
        """``(d + d + d(d-1)/2,)``."""
        (d,) = self.event_shape
        return (2 * d + d * (d - 1) // 2,)

    def forward(self, theta: Tensor) -> FullNormalRecord:
        """Map theta ``(*, *theta_shape)`` to a record with leading dimensions ``*``."""
        (d,) = self.event_shape
        mu, log_diag, below = torch.split(theta, [d, d, d * (d - 1) // 2], dim=-1)
        lower = theta.new_zeros(*theta.shape[:-1], d * d)
        lower = lower.index_copy(-1, self.index, below / math.sqrt(d))
        return FullNormalRecord(mu, log_diag, lower.reshape(*theta.shape[:-1], d, d))
