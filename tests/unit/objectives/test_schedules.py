import pytest

from vael.errors import ConfigError
from vael.objectives.schedules import Constant, Cyclical, Linear


def test_constant_is_one():
    assert [Constant()(step) for step in (0, 1, 10**9)] == [1.0, 1.0, 1.0]


def test_linear_rises_to_one_at_its_last_step_and_stays():
    ramp = Linear(steps=4)
    assert [ramp(step) for step in range(6)] == [0, 0.25, 0.5, 0.75, 1, 1]


def test_cyclical_repeats_its_ramp_then_stays_at_one():
    saw = Cyclical(period=4, cycles=2, ramp=0.5)
    assert [saw(step) for step in range(10)] == [0, 0.5, 1, 1, 0, 0.5, 1, 1, 1, 1]


@pytest.mark.parametrize("schedule", [Constant(), Linear(7), Cyclical(6, 3, 0.5)])
def test_factor_is_one_from_the_end_of_the_warmup_on(schedule):
    end = schedule.warmup_steps
    assert all(schedule(step) == 1 for step in range(end, end + 50))
    assert end == 0 or schedule(end - 1) < 1


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Linear(0), "steps"),
        (lambda: Linear(2.5), "steps"),
        (lambda: Cyclical(0), "period"),
        (lambda: Cyclical(5, cycles=0), "cycles"),
        (lambda: Cyclical(5, ramp=0), "ramp"),
        (lambda: Cyclical(5, ramp=1.5), "ramp"),
    ],
)
def test_impossible_schedules_are_refused_by_name(make, name):
    with pytest.raises(ConfigError, match=rf"objective\.schedule\.{name} must be"):
        make()
