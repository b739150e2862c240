"""Split the rate into mutual information, total correlation and dimension-wise KL."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.metrics.pairwise import Normals, affordable_count, num_features, quadratic_forms
from vael.metrics.reconstruction import standard_error
from vael.models.posteriors.base import PosteriorRecord
from vael.models.posteriors.normal import NormalRecord
from vael.models.trace import LatentRecord, map_tensors

MOST_EXAMPLES = 10_000
MULTIPLICATIONS = 2.5e10  # a few seconds of one core
DENSITY = 400  # multiplications that a density by dimension takes the time of
DRAWS = 10_000  # of z in all, where there are fewer examples than that
MOST_SAMPLES = 16
DENSITIES = 2 * 10**8  # of single dimensions, for the total correlation: seconds of one core
BLOCK = 2**22  # densities held at once: 32 MiB of float64
FAR = -500.0  # nats below the largest term, of no weight, where exp does not underflow yet
NEAR_CEILING = 1.0  # nats


@dataclass(frozen=True)
class Aggregate:
    """Monte Carlo estimates over N examples with S samples of z each, nats.

    With ``q(z) = 1/N sum_n q(z|x_n)`` over the same examples,

        rate        = mutual_information + marginal_kl
        marginal_kl = total_correlation + dimension_wise_kl

    (Hoffman and Johnson 2016, "ELBO surgery", Eq. 8; Chen et al. 2018,
    https://arxiv.org/abs/1802.04942, Eq. 2) hold for the estimates too. They have no bias for
    these N examples. For the population they have: the mutual information is that of z and the
    *number* n of the example, at most log N and in expectation a lower bound on I(x;z), so that
    ``marginal_kl`` is an upper bound on KL(q(z) || p(z)). The total correlation of a q(z|x) with
    independent dimensions is ``sum_j I(z_j; n) - I(z; n)``: up to ``(d - 1) log N`` and too large
    where I(z; n) is near its ceiling, as it is there before any I(z_j; n).

    Attributes:
        mutual_information: mean of log q(z|x_n) - log q(z), z ~ q(z|x_n).
        mutual_information_se: its standard error over examples.
        marginal_kl: mean of log q(z) - log p(z).
        marginal_kl_se: its standard error over examples.
        total_correlation: mean of log q(z) - sum_j log q(z_j); of large N d from a part of the z.
        total_correlation_se: its standard error over examples.
        dimension_wise_kl: sum_j KL(q(z_j) || p(z_j)), as ``marginal_kl - total_correlation``;
            None unless p is a diagonal normal.
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
    total_correlation: float
    total_correlation_se: float
    dimension_wise_kl: float | None
    rate: float
    log_examples: float
    saturated: bool
    examples: int
    samples: int


def measure_aggregate(
    q: PosteriorRecord, p: LatentRecord, generator: torch.Generator
) -> Aggregate:
    """Estimate the parts of the rate with the examples' own mixture as q(z).

    Of more examples than can be paired in a few seconds, evenly spaced ones are taken.

    Args:
        q: the posteriors, leading dimension ``(N,)``, at least 2 of them, on the CPU; they have
            ``log_marginals``.
        p: the prior, without leading dimensions.
        generator: of the noise behind z, on the CPU.
    """
    d = q.mean[0].numel()
    features = num_features(q) if isinstance(q, Normals) else DENSITY * d
    wanted = affordable_count(len(q.mean), features, MOST_EXAMPLES, MULTIPLICATIONS)
    index = _spread(len(q.mean), wanted)
    q = map_tensors(lambda tensor: tensor[index].double(), q)
    samples = min(MOST_SAMPLES, max(1, DRAWS // wanted))
    eps = torch.randn(
        samples, *q.mean.shape, dtype=torch.float64, generator=generator, device=generator.device
    )
    z = q.rsample(eps)
    log_own = q.log_prob(z)
    log_q = _log_mixture(q, z, log_own)
    log_p = p.log_prob(z.to(p.mean.dtype)).double()
    information, kl = (log_own - log_q).mean(0), (log_q - log_p).mean(0)
    correlation = _correlate(q, z, log_q)
    ceiling = math.log(wanted)
    factorised = isinstance(p, NormalRecord)
    return Aggregate(
        mutual_information=float(information.mean()),
        mutual_information_se=standard_error(information),
        marginal_kl=float(kl.mean()),
        marginal_kl_se=standard_error(kl),
        total_correlation=float(correlation.mean()),
        total_correlation_se=standard_error(correlation),
        dimension_wise_kl=float(kl.mean() - correlation.mean()) if factorised else None,
        rate=float((log_own - log_p).mean()),
        log_examples=ceiling,
        saturated=bool(information.mean() > ceiling - NEAR_CEILING),
        examples=wanted,
        samples=samples,
    )


def _log_mixture(q: PosteriorRecord, z: Tensor, log_own: Tensor) -> Tensor:
    """Return log 1/N sum_n q(z|x_n) for z ``(S, N, *Z)``, nats, ``(S, N)``, by blocks of z."""
    count = len(q.mean)
    rows, own = z.flatten(0, 1), log_own.flatten()
    forms = quadratic_forms(q) if isinstance(q, Normals) else None
    size = BLOCK // (q.mean.numel() if forms is None else count)
    made, start = [], 0
    for block in torch.split(rows, max(1, size)):
        log_q = forms.log_prob(block.flatten(1)) if forms else q.log_prob(block.unsqueeze(1))
        # where sigma is small this one outweighs the others, and there the form cancels most
        place = torch.arange(len(log_q))
        log_q[place, (place + start) % count] = own[start : start + len(log_q)]
        made.append(_log_sum_exp(log_q))
        start += len(log_q)
    return torch.cat(made).reshape(log_own.shape) - math.log(count)


def _correlate(q: PosteriorRecord, z: Tensor, log_q: Tensor) -> Tensor:
    """Return log q(z) - sum_j log q(z_j), nats, of as many examples as can be afforded."""
    count, size = len(q.mean), q.mean.numel()
    affordable = max(2, DENSITIES // size)
    index = _spread(count, min(count, affordable))
    samples = min(len(z), max(1, affordable // count))
    rows = z[:samples, index].flatten(0, 1)
    made = []
    for block in torch.split(rows, max(1, BLOCK // size)):
        single = q.log_marginals(block.unsqueeze(1))
        assert single is not None
        made.append(_log_sum_exp(single.flatten(2)).sub_(math.log(count)).sum(1))
    product = torch.cat(made).reshape(samples, -1)
    return (log_q[:samples, index] - product).mean(0)


def _spread(count: int, wanted: int) -> Tensor:
    """Return evenly spaced positions."""
    return torch.linspace(0, count - 1, wanted, dtype=torch.float64).round().long()


def _log_sum_exp(log_q: Tensor) -> Tensor:
    """Compute log sum exp over the second dimension; overwrites its argument.

    ``torch.logsumexp`` takes up to five times as long where most of the terms underflow.
    """
    top = log_q.amax(1, keepdim=True)
    total = log_q.sub_(top).clamp_(min=FAR).exp_().sum(1)
    return total.log() + top.squeeze(1)
