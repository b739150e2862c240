"""Every score on codes that are known to be good or bad."""

import math
from functools import cache

import numpy as np
import pytest
import torch

from vael.errors import DataError
from vael.metrics.disentanglement import (
    DCI,
    SAP,
    BetaVaeScore,
    Explicitness,
    FactorVaeScore,
    Modularity,
    MutualInformationGap,
)
from vael.metrics.disentanglement.information import mutual_informations

SIZES = (4, 5, 4)
SCORES = [
    (MutualInformationGap, "score"),
    (SAP, "scaled"),
    (DCI, "disentanglement"),
    (DCI, "completeness"),
    (DCI, "completeness_fair"),
    (DCI, "informativeness"),
    (Modularity, "score"),
    (Modularity, "fair"),
    (Explicitness, "score"),
    (FactorVaeScore, "score"),
    (BetaVaeScore, "score"),
]
FAIR = [
    (MutualInformationGap, "score"),
    (SAP, "scaled"),
    (DCI, "disentanglement"),
    (DCI, "completeness_fair"),
    (DCI, "informativeness"),
    (Modularity, "fair"),
    (Explicitness, "score"),
    (FactorVaeScore, "score"),
]
NAMES = [f"{score.__name__}-{name}" for score, name in SCORES]


GRID = np.stack(np.unravel_index(np.arange(math.prod(SIZES)), SIZES), 1)
FACTORS = torch.tensor(np.random.default_rng(0).permutation(np.tile(GRID, (25, 1))))  # 2,000


def noise(dims, seed=1, scale=1.0):
    return torch.tensor(np.random.default_rng(seed).normal(size=(len(FACTORS), dims)) * scale)


SPREAD = FACTORS.double().std(0)
IDENTITY = (FACTORS - FACTORS.double().mean(0)) / SPREAD + noise(3, scale=0.01)
"""Each factor in a dimension of its own, standardised, with a hair of noise."""

AXIS = torch.tensor([1.0, -2.0, 1.5], dtype=torch.float64)
MIRROR = torch.eye(3, dtype=torch.float64) - 2 * torch.outer(AXIS, AXIS) / (AXIS @ AXIS)
ROTATED = IDENTITY @ MIRROR  # an orthogonal matrix none of whose entries is small
IDLE = noise(17, seed=2, scale=1e-3)

WORLDS = {
    "identity": IDENTITY,
    "noise": noise(3),
    "rotated": ROTATED,
    "twice": torch.cat([IDENTITY, IDENTITY], 1),
    "padded": torch.cat([ROTATED, IDLE], 1),
    "one": IDENTITY[:, :1],
}


@cache
def compute(metric, world):
    made = metric()
    made.update(WORLDS[world], FACTORS)
    return made.compute()


def measure(metric, name, world):
    return compute(metric, world)[name]


@pytest.mark.parametrize(("metric", "name"), SCORES, ids=NAMES)
def test_identity_is_about_one_and_noise_about_nothing(metric, name):
    assert measure(metric, name, "identity") > 0.97
    chance = 1 / len(SIZES) if metric in (FactorVaeScore, BetaVaeScore) else 0.0
    if (metric, name) == (DCI, "completeness_fair"):
        chance = 1 / 3  # of d dimensions that share all alike
    found = measure(metric, name, "noise")
    if (metric, name) == (Modularity, "score") or name == "fair":
        # the counts' own bias is in all factors alike but for their number of values: 3, 4, 3
        bias = np.array([3, 4, 3]) ** 2
        chance = 1 - (bias.sum() / bias.max() - 1) / 2
        assert found == pytest.approx(chance, abs=0.2)
    else:
        assert found == pytest.approx(chance, abs=0.06)


@pytest.mark.parametrize(
    ("metric", "name"),
    [pair for pair in SCORES if pair[0] not in (BetaVaeScore, Explicitness, FactorVaeScore)
     and pair[1] != "informativeness"],
)  # fmt: skip
def test_a_rotation_is_worse_than_the_identity(metric, name):
    assert measure(metric, name, "rotated") < 0.8 * measure(metric, name, "identity")


def test_what_a_linear_map_reads_off_does_not_mind_a_rotation():
    one, two = (measure(Explicitness, "score", world) for world in ("identity", "rotated"))
    assert one == pytest.approx(two, abs=0.02)


def test_a_dimension_that_comes_twice_leaves_no_gap():
    assert measure(MutualInformationGap, "score", "twice") == 0
    assert measure(SAP, "score", "twice") == pytest.approx(0, abs=1e-9)
    assert measure(DCI, "completeness_fair", "twice") == pytest.approx(0.5, abs=0.1)
    assert measure(DCI, "disentanglement", "twice") > 0.97
    assert measure(Modularity, "score", "twice") > 0.97


@pytest.mark.parametrize(
    ("metric", "name"), FAIR, ids=[f"{score.__name__}-{name}" for score, name in FAIR]
)
def test_idle_dimensions_change_no_fair_score(metric, name):
    """Of codes that are neither good nor bad, so that both ways are open."""
    alone, among = (measure(metric, name, world) for world in ("rotated", "padded"))
    assert among == pytest.approx(alone, abs=0.06)


def test_completeness_as_published_rises_with_idle_dimensions():
    alone, among = (measure(DCI, "completeness", world) for world in ("rotated", "padded"))
    assert among > alone + 0.15


def test_the_gap_of_a_noisy_binary_channel_is_its_capacity():
    """I of a binary symmetric channel is log 2 - H(p): in exact counts, so to the last digit."""
    flips, total = 110, 1000
    v = torch.arange(2 * total) % 2
    z = v.clone()
    z[: 2 * flips] = 1 - z[: 2 * flips]
    p = flips / total
    capacity = math.log(2) + p * math.log(p) + (1 - p) * math.log(1 - p)
    found = mutual_informations(z[:, None].double().numpy(), v[:, None].numpy())
    assert found[0, 0] == pytest.approx(capacity, rel=1e-12)
    second = torch.zeros_like(z)
    codes = torch.stack([z, second], 1)
    gap = MutualInformationGap()
    gap.update(codes.double(), v[:, None])
    assert gap.compute()["score"] == pytest.approx(capacity / math.log(2), rel=1e-12)


def test_sap_is_the_difference_of_two_accuracies():
    """Two normal classes at distance s: the best threshold is right Phi(s / 2) of the time."""
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    v = np.arange(20_000) % 2
    shifts = np.array([3.0, 1.0])
    codes = rng.normal(size=(len(v), 2)) + v[:, None] * shifts
    metric = SAP(most=len(v))
    metric.update(torch.tensor(codes), torch.tensor(v[:, None]))
    exact = norm.cdf(1.5) - norm.cdf(0.5)
    assert metric.compute()["score"] == pytest.approx(exact, abs=5 * math.sqrt(0.25 / 10_000))


def test_explicitness_is_the_area_of_two_normals():
    """AUC of N(0, 1) against N(s, 1) is Phi(s / sqrt 2)."""
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    v = np.arange(20_000) % 2
    codes = rng.normal(size=(len(v), 1)) + v[:, None] * 1.0
    metric = Explicitness(most=len(v))
    metric.update(torch.tensor(codes), torch.tensor(v[:, None]))
    exact = 2 * norm.cdf(1 / math.sqrt(2)) - 1
    assert metric.compute()["score"] == pytest.approx(exact, abs=0.04)


@pytest.mark.parametrize(("metric", "name"), SCORES, ids=NAMES)
def test_a_code_of_one_dimension_has_a_score(metric, name):
    found = measure(metric, name, "one")
    assert 0 <= found <= 1


@pytest.mark.parametrize("metric", sorted({score for score, _ in SCORES}, key=str))
def test_how_the_examples_come_does_not_matter(metric):
    parts = metric()
    for z, v in zip(ROTATED.split(300), FACTORS.split(300), strict=True):
        parts.update(z, v)
    assert parts.compute() == compute(metric, "rotated")


def test_data_without_factors_is_refused_by_name():
    with pytest.raises(DataError, match=r"SAP needs data with known factors.*sprites"):
        SAP().update(torch.zeros(3, 2), torch.zeros(3, 0).long())
    with pytest.raises(DataError, match=r"\(3, 2\) and \(4, 1\)"):
        SAP().update(torch.zeros(3, 2), torch.zeros(4, 1).long())
    made = SAP()
    made.update(torch.full((3, 2), math.nan), torch.zeros(3, 1).long())
    with pytest.raises(DataError, match="finite"):
        made.compute()


@pytest.mark.parametrize("metric", [MutualInformationGap, SAP, DCI])
def test_factors_that_do_not_vary_are_left_out(metric):
    made = metric()
    made.update(IDENTITY, torch.cat([FACTORS, torch.zeros(len(FACTORS), 1).long()], 1))
    assert made.compute() == compute(metric, "identity")


def test_two_factors_that_are_mixed_alike_are_told_apart_by_chance():
    """At 45 degrees holding either leaves both dimensions alike: 1, 1/2 and 1/2 of the votes."""
    turn = torch.tensor([[1.0, 1.0, 0], [-1.0, 1.0, 0], [0, 0, math.sqrt(2)]]) / math.sqrt(2)
    even = torch.tensor([[4.0, 4.0, 4.0]]).long()
    v = FACTORS % even
    made = FactorVaeScore()
    made.update((v - 1.5).double() @ turn.double(), v)
    assert made.compute()["score"] == pytest.approx(2 / 3, abs=5 * math.sqrt(2 / 9 / 800))
