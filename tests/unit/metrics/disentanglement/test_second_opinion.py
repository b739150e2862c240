"""Every score beside a second implementation, by other means, on a code that is half good."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import entropy, mannwhitneyu, rankdata
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier
from sklearn.metrics import balanced_accuracy_score, mutual_info_score
from sklearn.neighbors import NearestCentroid
from sklearn.tree import DecisionTreeClassifier

from vael.metrics.disentanglement import (
    DCI,
    SAP,
    BetaVaeScore,
    Explicitness,
    FactorVaeScore,
    Modularity,
    MutualInformationGap,
)

SIZES, N, BINS = (4, 5, 4), 2000, 20
GRID = np.stack(np.unravel_index(np.arange(math.prod(SIZES)), SIZES), 1)
V = np.random.default_rng(0).permutation(np.tile(GRID, (N // len(GRID), 1)))
TURN = np.array([[np.cos(0.4), np.sin(0.4), 0], [-np.sin(0.4), np.cos(0.4), 0.3], [0, 0, 1]])
NOISE = np.random.default_rng(1).normal(size=(N, 4))
Z = np.column_stack([(V - V.mean(0)) / V.std(0) @ TURN, np.zeros(N)]) + 0.2 * NOISE
"""Two factors turned into one another, one of them in a third dimension too, and one idle."""

MURKY = Z + np.array([2, 2, 2, 0]) * np.random.default_rng(2).normal(size=Z.shape)
"""The same under noise, so that no batch says for sure which factor it holds."""


def made(metric, codes=Z):
    found = metric()
    found.update(torch.from_numpy(codes), torch.from_numpy(V))
    return found


def scores(metric, codes=Z):
    return made(metric, codes).compute()


def halves(metric):
    return made(metric).halves(N)


@cache
def informations():
    bins = [np.floor((rankdata(z) - 1) * BINS / N).astype(int) for z in Z.T]
    return np.array([[mutual_info_score(v, b) for v in V.T] for b in bins])


def test_the_gap_of_informations():
    ranked = np.sort(informations(), 0)
    gaps = (ranked[-1] - ranked[-2]) / np.log(SIZES)  # every value is as frequent
    assert 0.2 < gaps.mean() < 0.7
    assert scores(MutualInformationGap)["score"] == pytest.approx(gaps.mean(), rel=1e-9)


def test_modularity_by_the_distance_to_its_template():
    """Ridgeway and Mozer 2018: the squared distance to a row that knows of its best alone."""
    known = informations()
    best = known.max(1)
    template = np.where(known == best[:, None], known, 0)
    away = ((known - template) ** 2).sum(1) / (best**2 * (len(SIZES) - 1))
    found = scores(Modularity)
    assert found["score"] == pytest.approx(1 - away.mean(), rel=1e-9)
    assert found["fair"] == pytest.approx(1 - np.average(away, weights=best), rel=1e-9)


def test_sap_by_the_nearest_mean():
    """With one variance and equal weights Fisher's discriminant says which mean is nearest."""
    fit, held = halves(SAP)
    gaps, largest = [], []
    for v, size in zip(V.T, SIZES, strict=True):
        models = [NearestCentroid().fit(z[fit, None], v[fit]) for z in Z.T]
        told = [m.predict(z[held, None]) for m, z in zip(models, Z.T, strict=True)]
        right = sorted(balanced_accuracy_score(v[held], t) for t in told)
        gaps.append(right[-1] - right[-2])
        largest.append(1 - 1 / size)
    found = scores(SAP)
    assert 0.1 < found["scaled"] < 0.8
    assert found["score"] == pytest.approx(np.mean(gaps), abs=1e-6)
    assert found["scaled"] == pytest.approx(np.mean(np.divide(gaps, largest)), abs=1e-6)


@pytest.mark.slow
def test_dci_by_bagged_trees():
    """The same law as a forest that looks at all dimensions, drawn anew."""
    fit, held = halves(DCI)
    columns, informed = [], []
    for v in V.T:
        trees = BaggingClassifier(DecisionTreeClassifier(min_samples_leaf=5), 50, random_state=7)
        trees.fit(Z[fit], v[fit])
        columns.append(np.mean([tree.feature_importances_ for tree in trees.estimators_], 0))
        guess = np.bincount(v[held]).max() / len(held)
        informed.append((trees.score(Z[held], v[held]) - guess) / (1 - guess))
    r = np.column_stack(columns)
    by_code = 1 - entropy(r, base=len(SIZES), axis=1)
    by_factor = entropy(r, axis=0)
    found = scores(DCI)
    disentanglement = np.average(by_code, weights=r.sum(1))
    assert found["disentanglement"] == pytest.approx(disentanglement, abs=0.03)
    completeness = 1 - by_factor.mean() / np.log(Z.shape[1])
    assert found["completeness"] == pytest.approx(completeness, abs=0.03)
    assert found["completeness_fair"] == pytest.approx(np.exp(-by_factor).mean(), abs=0.03)
    assert found["informativeness"] == pytest.approx(np.mean(informed), abs=0.03)


def test_explicitness_by_ranks_of_a_discriminant():
    """Another linear model, and the area under its curve as Mann and Whitney's U."""
    fit, held = halves(Explicitness)
    found = []
    for v, size in zip(V.T, SIZES, strict=True):
        share = LinearDiscriminantAnalysis().fit(Z[fit], v[fit]).predict_proba(Z[held])
        areas = []
        for value in range(size):
            yes, no = share[v[held] == value, value], share[v[held] != value, value]
            areas.append(mannwhitneyu(yes, no).statistic / (len(yes) * len(no)))
        found.append(2 * np.mean(areas) - 1)
    assert scores(Explicitness)["score"] == pytest.approx(np.mean(found), abs=0.02)


def batches(draw, count=2000):
    """Hold a factor at a value, again and again, and return what is drawn and which it was."""
    rng = np.random.default_rng(11)
    rows, which = [], rng.integers(len(SIZES), size=count)
    for j in which:
        group = np.flatnonzero(V[:, j] == V[rng.integers(N), j])
        rows.append(draw(rng, group))
    return np.array(rows), which


SIGMAS = 5 * math.sqrt(0.25 / 800 + 0.25 / 1000)  # of two estimates of one share; 6e-7


def test_factor_vae_by_another_vote():
    """The idle dimension does not vote; the table is the most frequent factor of each."""
    scaled = MURKY[:, :3] / MURKY[:, :3].std(0)
    least, which = batches(lambda rng, group: scaled[rng.choice(group, 64)].var(0).argmin())
    table = [np.bincount(which[:1000][least[:1000] == i]).argmax() for i in range(3)]
    right = np.mean(np.array(table)[least[1000:]] == which[1000:])
    assert 0.45 < right < 0.95
    assert scores(FactorVaeScore, MURKY)["score"] == pytest.approx(right, abs=SIGMAS)


def test_beta_vae_by_a_discriminant():
    def differences(rng, group):
        one, two = MURKY[rng.choice(group, 64)], MURKY[rng.choice(group, 64)]
        return np.abs(one - two).mean(0)

    x, which = batches(differences)
    model = LinearDiscriminantAnalysis().fit(x[:1000], which[:1000])
    right = model.score(x[1000:], which[1000:])
    assert 0.45 < right < 0.95
    assert scores(BetaVaeScore, MURKY)["score"] == pytest.approx(right, abs=SIGMAS)
