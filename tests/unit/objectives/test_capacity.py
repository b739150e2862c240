import math

import numpy as np
import pytest
import torch
from oracles.water_filling import (
    aligned_vae,
    corners,
    error_at,
    examples,
    level_of_rate,
    measure,
    rate_at,
    settle,
)

from vael.errors import ConfigError
from vael.models.trace import Trace
from vael.objectives import Capacity, Constant, Cyclical, Linear

SPECTRUM = np.array([4.0, 1.0, 0.25])
SIGMA = 0.5
X = examples(SPECTRUM)


def started(rates=(0.5, 0.3, 0.1)):
    return aligned_vae(SPECTRUM, np.array(rates), SIGMA)


@pytest.mark.parametrize("capacity", [0.7, 1.5])
def test_the_rate_ends_at_the_capacity_and_the_error_at_its_water_level(capacity):
    vae = started()
    settle(vae, Capacity(capacity, gamma=8.0, schedule=Constant()), X)
    rate, error = measure(vae, X)
    s = level_of_rate(SPECTRUM, capacity)
    assert rate == pytest.approx(capacity, abs=1e-3)
    assert error == pytest.approx(error_at(SPECTRUM, s), abs=5e-3)


def test_a_weight_below_the_multiplier_ends_where_the_elbo_of_that_beta_does():
    gamma, vae = 2.0, started()
    s = gamma * SIGMA**2
    assert level_of_rate(SPECTRUM, 0.4) > s  # the capacity would need a larger weight
    settle(vae, Capacity(0.4, gamma, Constant()), X)
    rate, error = measure(vae, X)
    assert rate == pytest.approx(rate_at(SPECTRUM, s), abs=1e-3)
    assert error == pytest.approx(error_at(SPECTRUM, s), abs=5e-3)


def test_the_filled_water_is_a_minimum():
    """No small change of any weight lowers the loss (the loss has a kink there: no gradient)."""
    capacity = 1.5
    s = level_of_rate(SPECTRUM, capacity)
    objective = Capacity(capacity, gamma=20.0, schedule=Constant())
    noise = corners(3, len(X))
    rates = 0.5 * np.log(np.maximum(SPECTRUM / s, 1))
    vae = started(rates)
    best = objective(vae(X, (noise,)), 0, 1.0).value.item()
    for seed in range(50):
        torch.manual_seed(seed)
        vae = started(rates)
        with torch.no_grad():
            for parameter in vae.parameters():
                parameter.add_(1e-3 * torch.randn_like(parameter))
        assert objective(vae(X, (noise,)), 0, 1.0).value.item() > best


@pytest.mark.parametrize("schedule", [Constant(), Linear(10), Cyclical(4, cycles=2)])
def test_the_capacity_follows_its_schedule_for_numbers_and_tensors_alike(schedule):
    objective = Capacity(capacity=3.0, gamma=10.0, schedule=schedule)
    trace = Trace(None, None, (), torch.full((2, 4), -7.0), torch.full((2, 4), 2.0))
    for step in (0, 1, 5, 6, 10, 1000):
        c = 3.0 * schedule(step)
        for number in (step, torch.tensor(float(step))):  # a captured step hands in a tensor
            loss = objective(trace, number, 1.0)
            assert loss.value.item() == pytest.approx(7 + 10 * abs(2 - c), rel=1e-6)
            assert loss.terms["capacity"].item() == pytest.approx(c, rel=1e-6)
    assert objective.warmup_steps == schedule.warmup_steps
    assert objective.state_dict() == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"capacity": -1.0}, r"objective\.capacity must be a finite number >= 0 \(nats\), but"),
        ({"capacity": math.nan}, r"objective\.capacity must be a finite number >= 0"),
        ({"gamma": 0.0}, r"objective\.gamma must be a finite number > 0, but got 0\.0"),
        ({"num_samples": 0}, r"objective\.num_samples must be at least 1, but got 0"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Capacity(**{"capacity": 1.0, "gamma": 1.0, "schedule": Constant(), **options})
