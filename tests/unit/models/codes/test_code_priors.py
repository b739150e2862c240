"""Priors over codes: they sum to 1, draw what they say, and know what they have seen."""

import itertools
import math

import pytest
import torch

from vael.errors import ConfigError
from vael.models.codes import AutoregressiveCodes, UniformCodes, UnigramCodes

GRID, K = (2, 2), 3
M = math.prod(GRID)
EVERY = torch.tensor(list(itertools.product(range(K), repeat=M)))


def made(kind, **options):
    torch.manual_seed(0)
    prior = kind((2, *GRID), GRID, K, **options)
    if kind is UnigramCodes:
        prior.learn(torch.tensor([[0, 1, 2, 0], [0, 0, 0, 0], [1, 1, 2, 1]]))
    if kind is AutoregressiveCodes:
        torch.nn.init.normal_(prior.out.weight)
        torch.nn.init.normal_(prior.place)
    return prior


KINDS = [UniformCodes, UnigramCodes, AutoregressiveCodes]


@pytest.mark.parametrize("kind", KINDS)
def test_the_probabilities_of_all_codes_sum_to_one(kind):
    log_mass = made(kind).log_mass(EVERY)
    assert log_mass.shape == (K**M,)
    assert float(log_mass.detach().double().exp().sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_have_these_probabilities(kind):
    """Pearson's statistic of 20,000 draws, 80 degrees of freedom: above 132 once in 10,000."""
    prior, count = made(kind), 20_000
    with torch.no_grad():
        drawn = prior.sample(torch.rand(count, M, generator=torch.Generator().manual_seed(1)))
        p = prior.log_mass(EVERY).double().exp()
    radix = K ** torch.arange(M - 1, -1, -1)
    seen = torch.bincount((drawn * radix).sum(1), minlength=K**M)
    assert float(((seen - count * p) ** 2 / (count * p)).sum()) < 132


def test_a_uniform_code_costs_log_k():
    torch.testing.assert_close(
        made(UniformCodes).log_mass(EVERY), torch.full((K**M,), -M * math.log(K))
    )


def test_the_unigram_is_the_share_of_each_code_at_each_place():
    """(n + 1/2) / (N + K/2): of three examples at the first place two are 0, one is 1."""
    prior = made(UnigramCodes)
    torch.testing.assert_close(prior.log_probs[0].exp(), torch.tensor([2.5, 1.5, 0.5]) / 4.5)
    prior.learn(torch.full((2, M), 2))
    counts = torch.tensor([2.0, 1, 0]) * 0.99 + torch.tensor([0.0, 0, 2])
    torch.testing.assert_close(prior.counts[0], counts)


def test_a_code_hangs_on_those_before_it_alone():
    """Drawn place by place, it is what the conditionals of the joint law say."""
    prior = made(AutoregressiveCodes)
    with torch.no_grad():
        p = prior.log_mass(EVERY).double().exp().reshape([K] * M)
        drawn = prior.sample(torch.full((1, M), 0.5))
    for place in range(M):  # the median of each conditional, which sampling takes at 1/2
        joint = p.reshape(*[K] * (place + 1), -1).sum(-1)[tuple(drawn[0, :place])]
        edges = (joint / joint.sum()).cumsum(0)
        assert int((edges <= 0.5).sum()) == int(drawn[0, place])


def test_the_autoregressive_prior_begins_as_the_uniform_one():
    prior = AutoregressiveCodes((2, *GRID), GRID, K)
    torch.testing.assert_close(prior.log_mass(EVERY).detach(), made(UniformCodes).log_mass(EVERY))


def test_its_code_length_falls_to_the_entropy():
    """Codes that copy the one above: two free places of three, log 3 nats each."""
    prior = AutoregressiveCodes((2, *GRID), GRID, K)
    top = torch.tensor(list(itertools.product(range(K), repeat=2)))
    codes = torch.cat([top, top], 1)
    optimizer = torch.optim.Adam(prior.parameters(), 0.02)
    for _ in range(150):
        optimizer.zero_grad()
        loss = -prior.log_mass(codes).mean()
        loss.backward()
        optimizer.step()
    assert 2 * math.log(K) - 1e-4 < float(loss.detach()) < 2 * math.log(K) + 0.05


def test_options_out_of_range_are_refused():
    with pytest.raises(ConfigError, match=r"prior\.decay must be in \[0, 1\)"):
        UnigramCodes((2,), (1,), 3, decay=1.0)
    with pytest.raises(ConfigError, match=r"prior\.hidden must be a whole number >= 1, but got 0"):
        AutoregressiveCodes((2,), (1,), 3, hidden=0)
