"""What the rules of study 3 choose where the answer is plain, and the regret of a known table."""

import math

import numpy as np
import pytest

SIZES = (1, 2, 4, 8, 16)


def made(nll, mse, active=4, kl=(1.0, 0.5, 0.02, 0.011, 0.009)):
    return {
        size: {"nll": n, "mse": m, "test": n, "active_units": active, "kl": list(kl)}
        for size, n, m in zip(SIZES, nll, mse, strict=True)
    }


def test_each_rule_finds_its_own_answer(study):
    rules = study("study_3").RULES
    runs = made(nll=(3, 2, 1.5, 1.4, 1.6), mse=(9, 5, 1, 0.9, 0.8))
    spectrum = np.array([0.6, 0.3, 0.04, 0.03, 0.02, 0.01])  # 0.90, 0.94, 0.97 are kept
    chosen = {name: rule(runs, spectrum) for name, rule in rules.items()}
    assert chosen == {
        "lowest NLL": 8,
        "knee of reconstruction": 4,
        "active units": 4,
        "KL above 0.01 nats": 4,
        "PCA, 95 % of variance": 4,
    }


def test_the_regret_is_what_the_seeds_not_seen_say(study):
    study_3 = study("study_3")
    one, two = (
        made(nll=nll, mse=(9, 5, 1, 0.9, 0.8)) for nll in ((3, 2, 1, 1.2, 4), (3, 2, 1.5, 1.2, 4))
    )
    for runs in (one, two):
        for size, run in runs.items():
            run["mean_loss"] = 1 / size
    kept = {"dims": 2, "spectrum": [1.0, 0.0], "runs": {"sum": {0: one, 1: two}}}
    rules = study_3.judge("digits", kept)["rules"]
    # Seed 0 chooses 4, which costs 1.5 - 1.2 by seed 1; seed 1 chooses 8: 1.2 - 1.0 by seed 0.
    assert rules["lowest NLL"]["sizes"] == [4, 8]
    assert rules["lowest NLL"]["regret"] == pytest.approx((0.3 + 0.2) / 2)
    assert rules["PCA, 95 % of variance"]["regret"] == pytest.approx((3 - 1.2 + 3 - 1.0) / 2)


def test_a_count_goes_to_the_nearest_size_on_a_logarithmic_scale(study):
    nearest = study("study_3").nearest
    assert [nearest(dict.fromkeys(SIZES), count) for count in (0, 3, 5, 6, 99)] == [1, 4, 4, 8, 16]


def test_the_table_of_known_rank_has_its_covariance(study, tmp_path):
    study_3 = study("study_3")
    study_3.make_table(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as file:
        x, weights = file["test"], file["weights"].astype(float)
    exact = weights @ weights.T + study_3.NOISE**2 * np.eye(study_3.COLUMNS)
    assert np.diag(exact) == pytest.approx(1, abs=1e-6)
    assert np.linalg.matrix_rank(weights @ weights.T, tol=1e-4) == study_3.RANK
    # Of a normal law an entry's variance is at most 2 / N; 400 entries within 5 of its roots.
    assert np.abs(np.cov(x.T) - exact).max() < 5 * math.sqrt(2 / len(x))
