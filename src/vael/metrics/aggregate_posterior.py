"""Split the rate into mutual information and the KL of the aggregate posterior to p(z)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.metrics.pairwise import Normals, affordable_count, num_features, quadratic_forms
from vael.metrics.reconstruction import standard_error
from vael.models.posteriors.full_normal import FullNormalRecord
from vael.models.posteriors.normal import NormalRecord
from vael.models.trace import LatentRecord

MOST_EXAMPLES = 10_000
MULTIPLICATIONS = 2.5e10  # a few seconds of one core
DRAWS = 10_000  # of z in all, where there are fewer examples than that
MOST_SAMPLES = 16
BLOCK = 2**22  # densities held at once: 32 MiB of float64
FAR = -500.0  # nats below the largest term, of no weight, where exp does not underflow yet
NEAR_CEILING = 1.0  # nats


@dataclass(frozen=True)
class Aggregate:
    """Monte Carlo estimates over N examples with S samples of z each, nats.

    With ``q(z) = 1/N sum_n q(z|x_n)`` over the same examples,

        rate = mutual_information + marginal_kl

    holds for the estimates too, since all three use the same samples (Hoffman and Johnson 2016,
    "ELBO surgery", Eq. 8). The mutual information is that of z and the *number* n of the example:
    at most log N, in expectation a lower bound on I(x;z) of the population, as ``marginal_kl`` is
    an upper bound on its KL(q(z) || p(z)).

    Attributes:
        mutual_information: mean of log q(z|x_n) - log q(z), z ~ q(z|x_n).
        mutual_information_se: its standard error over examples.
        marginal_kl: mean of log q(z) - log p(z).
        marginal_kl_se: its standard error over examples.
        rate: mean of log q(z|x_n) - log p(z).
        log_examples: log N, the ceiling of ``mutual_information``.
        saturated: the ceiling is less than 1 nat away: the bound says little.
        examples: N.
        samples: S.
    """

    mutual_information: float
    mutual_information_se: float
    marginal_kl: float
    marginal_kl_se: float
    rate: float
    log_examples: float
    saturated: bool
    examples: int
    samples: int


def measure_aggregate(q: Normals, p: LatentRecord, generator: torch.Generator) -> Aggregate:
    """Estimate I(x;z) and KL(q(z) || p(z)) with the examples' own mixture as q(z).

    Of more examples than can be paired in a few seconds, evenly spaced ones are taken.

    Args:
        q: the posteriors, leading dimension ``(N,)``, at least 2 of them, on the CPU.
        p: the prior, without leading dimensions.
        generator: of the noise behind z, on the CPU.
    """
    wanted = affordable_count(len(q.mu), num_features(q), MOST_EXAMPLES, MULTIPLICATIONS)
    index = torch.linspace(0, len(q.mu) - 1, wanted, dtype=torch.float64).round().long()
    q = _in_double(q, index)
    samples = min(MOST_SAMPLES, max(1, DRAWS // wanted))
    eps = torch.randn(
        samples, *q.mu.shape, dtype=torch.float64, generator=generator, device=generator.device
    )
    z = q.rsample(eps)
    log_own = q.log_prob(z)
    log_q = _log_mixture(q, z, log_own)
    log_p = p.log_prob(z)
    information, kl = (log_own - log_q).mean(0), (log_q - log_p).mean(0)
    ceiling = math.log(wanted)
    return Aggregate(
        mutual_information=float(information.mean()),
        mutual_information_se=standard_error(information),
        marginal_kl=float(kl.mean()),
        marginal_kl_se=standard_error(kl),
        rate=float((log_own - log_p).mean()),
        log_examples=ceiling,
        saturated=bool(information.mean() > ceiling - NEAR_CEILING),
        examples=wanted,
        samples=samples,
    )


def _log_mixture(q: Normals, z: Tensor, log_own: Tensor) -> Tensor:
    """Return log 1/N sum_n q(z|x_n) for z ``(S, N, *Z)``, nats, ``(S, N)``, by blocks of z."""
    count = len(q.mu)
    forms = quadratic_forms(q)
    flat, own = z.flatten(2).flatten(0, 1), log_own.flatten()
    size = max(1, BLOCK // count)
    made = []
    for start in range(0, len(flat), size):
        log_q = forms.log_prob(flat[start : start + size])
        # where sigma is small this one outweighs the others, and there the form cancels most
        rows = torch.arange(len(log_q))
        log_q[rows, (rows + start) % count] = own[start : start + size]
        made.append(_log_sum_exp(log_q))
    return torch.cat(made).reshape(log_own.shape) - math.log(count)


def _log_sum_exp(log_q: Tensor) -> Tensor:
    """Compute log sum exp over the second dimension; overwrites its argument.

    ``torch.logsumexp`` takes up to five times as long where most of the terms underflow.
    """
    top = log_q.amax(1, keepdim=True)
    total = log_q.sub_(top).clamp_(min=FAR).exp_().sum(1)
    return total.log() + top.squeeze(1)


def _in_double(q: Normals, index: Tensor) -> Normals:
    """Return the record of some of the examples, in float64."""
    mu = q.mu[index].double()
    if isinstance(q, NormalRecord):
        return NormalRecord(mu, q.log_sigma[index].double(), q.event_ndim)
    return FullNormalRecord(mu, q.log_diag[index].double(), q.lower[index].double())
