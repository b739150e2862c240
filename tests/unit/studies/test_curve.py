"""The exact curve of study 2 beside the tests' own, and the paired difference of study 1."""

import math

import numpy as np
import pytest
from oracles import water_filling as oracle


def test_the_curve_is_that_of_water_filling(study):
    spectrum = np.array([3.0, 1.0, 0.2, 0.0])
    for level in (0.1, 0.5, 2.0):
        rate, error, used = study("study_2").water_filling(spectrum, level)
        assert rate == pytest.approx(oracle.rate_at(spectrum, level))
        assert error == pytest.approx(oracle.error_at(spectrum, level))
        assert used == (spectrum > level).sum()


def test_the_squared_error_is_taken_back_out_of_the_distortion(study):
    study_2 = study("study_2")
    x, mean = np.array([0.1, 0.7, 0.2]), np.array([0.3, 0.3, 0.2])
    density = -0.5 * ((x - mean) / study_2.SIGMA) ** 2 - math.log(
        study_2.SIGMA * math.sqrt(2 * math.pi)
    )
    assert study_2.squared_error(-density.sum(), 3) == pytest.approx(((x - mean) ** 2).sum())


def test_points_on_the_curve_exceed_the_optimum_by_nothing(study):
    study_2 = study("study_2")
    spectrum = np.array([3.0, 1.0, 0.2])
    rate, error, _ = study_2.water_filling(spectrum, 0.5 * study_2.SIGMA**2)
    run = {"scale": "fixed", "net": "linear", "beta": 0.5, "train_rate": rate}
    runs = [
        run | {"seed": 0, "train_error": error},
        run | {"seed": 1, "train_error": error + 0.09},
    ]
    (point,) = study_2.average(runs, spectrum)
    assert point["excess"] == pytest.approx(0.045 / (2 * study_2.SIGMA**2))
    assert point["seeds"] == 2


def test_a_difference_is_of_the_seeds_that_both_have(study):
    source = np.random.default_rng(0)
    base = source.normal(size=(3, 400))
    scores = {"a": dict(enumerate(base)), "b": {1: base[1] + 1, 2: base[2] + 2}}
    found = study("study_1").compare(scores, "a", "b")
    assert found["seeds"] == 2
    assert found["mean"] == pytest.approx(1.5)
    assert found["se"] == pytest.approx(math.sqrt(0.5 / 2))  # of the seeds' mean of 1 and 2


def test_codecs_count_whole_bytes_of_what_can_be_unpacked(study):
    flat = np.zeros((50, 28, 28), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (50, 28, 28), np.uint8)
    codecs = study("other_codecs")
    zero, full = codecs.measure_codecs(flat), codecs.measure_codecs(noise)
    assert set(zero) == {"PNG", "WebP", "zlib", "bz2", "lzma"}
    for name in zero:
        assert zero[name] < 1.2, name
        assert full[name] >= 8, f"{name}: noise cannot be made shorter"
