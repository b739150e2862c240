import math

import numpy as np
import pytest
import torch
from oracles.water_filling import (
    aligned_vae,
    corners,
    examples,
    level_of_error,
    measure,
    rate_at,
    settle,
)

from vael.errors import ConfigError
from vael.objectives import Geco

SPECTRUM = np.array([4.0, 1.0, 0.25])
SIGMA = 0.5
X = examples(SPECTRUM)


def trace_of(rates=(0.5, 0.3, 0.1)):
    return aligned_vae(SPECTRUM, np.array(rates), SIGMA)(X, (corners(3, len(X)),))


@pytest.mark.parametrize("error", [0.9, 2.5])
def test_the_multiplier_finds_the_water_level_of_the_tolerated_error(error):
    """Two directions above the water, and one."""
    s = level_of_error(SPECTRUM, error)
    objective = Geco(kappa=math.sqrt(error / 3), speed=0.03)
    vae = aligned_vae(SPECTRUM, np.array((0.5, 0.3, 0.1)), SIGMA)
    settle(vae, objective, X)
    rate, found = measure(vae, X)
    assert found == pytest.approx(error, rel=0.01)
    assert rate == pytest.approx(rate_at(SPECTRUM, s), abs=0.02)
    assert objective.log_beta.exp().item() == pytest.approx(s / SIGMA**2, rel=0.03)


def test_the_loss_has_the_multiplier_of_before_and_the_error_moves_it():
    trace = trace_of()
    error = (SPECTRUM * np.exp(-2 * np.array([0.5, 0.3, 0.1]))).mean()  # at these rates
    objective = Geco(kappa=0.8, speed=0.1)
    distortion, rate, log_beta = -trace.log_px.mean().item(), 0.9, 0.0
    for _ in range(3):
        loss = objective(trace, 0, 1.0)
        assert loss.value.item() == pytest.approx(distortion + math.exp(log_beta) * rate, rel=1e-6)
        assert loss.terms["beta"].item() == pytest.approx(math.exp(log_beta), rel=1e-6)
        assert loss.terms["squared_error"].item() == pytest.approx(error, rel=1e-6)
        log_beta -= 0.1 * min(error / 0.64 - 1, 1)
    assert objective.log_beta.item() == pytest.approx(log_beta, rel=1e-6)


def test_a_rehearsal_moves_nothing_and_a_bad_step_breaks_nothing():
    objective = Geco(kappa=0.1)
    with torch.no_grad():
        objective(trace_of(), 0, 1.0)
    assert objective.log_beta.item() == 0
    objective._move(torch.tensor(math.nan))
    assert objective.log_beta.item() == 0
    objective._move(torch.tensor(math.inf))
    assert objective.log_beta.item() == pytest.approx(-0.01)
    for _ in range(2000):
        objective._move(torch.tensor(1e9))
    assert objective.log_beta.exp().item() == pytest.approx(1e-6, rel=1e-4)


@pytest.mark.parametrize("name", ["kappa", "speed"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_impossible_options_are_refused(name, value):
    with pytest.raises(ConfigError, match=rf"objective\.{name} must be a finite number > 0, but"):
        Geco(**{"kappa": 0.1, name: value})
