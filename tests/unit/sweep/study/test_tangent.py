"""The pruner goes by where a curve can still get to: curves with known ends, no training."""

import math

import numpy as np
import optuna
import pytest

from vael.errors import ConfigError
from vael.sweep.study.samplers import make_pruner, make_sampler
from vael.sweep.study.tangent import TangentPruner

EPOCHS = 100
START = math.ceil(EPOCHS / 8)
BOUNDED = {"bend": 0.0, "best": 0.0}  # the tangent itself against the best alone


def line(end, slope):
    """Straight over the logarithm of the epochs: its tangent is itself."""
    return [end + slope * math.log(EPOCHS / t) for t in range(1, EPOCHS + 1)]


def power(end, height, rate):
    """Convex over t and over its logarithm."""
    return [end + height * (t**-rate - EPOCHS**-rate) for t in range(1, EPOCHS + 1)]


def bent(end, slope, bend):
    """Steeper to the end: over x = ln(EPOCHS / t) it descends by slope (1 + bend (ln T - x))."""
    whole = math.log(EPOCHS)
    far = [math.log(EPOCHS / t) for t in range(1, EPOCHS + 1)]
    return [end + slope * (x + bend * (whole * x - x * x / 2)) for x in far]


def pruned_after(pruner, curves, direction="minimize"):
    """Epochs after which each trial, one after the other, is told to stop; None: never."""
    study = optuna.create_study(direction=direction, pruner=pruner)
    better = min if direction == "minimize" else max
    found = []
    for curve in curves:
        trial, stopped = study.ask(), None
        for t, value in enumerate(curve, start=1):
            trial.report(value, t)
            if trial.should_prune():
                stopped = t
                break
        if stopped:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, better(curve))
        found.append(stopped)
    return found


@pytest.mark.parametrize("slope", [0.01, 0.1, 1.0])
def test_a_curve_that_is_its_own_tangent_is_judged_by_its_very_end(slope):
    first = line(2.0, 0.3)
    worse, better = line(2.0 + 1e-6, slope), line(2.0 - 1e-6, slope)
    assert pruned_after(TangentPruner(EPOCHS, **BOUNDED), [first, worse]) == [None, START]
    assert pruned_after(TangentPruner(EPOCHS, **BOUNDED), [first, better]) == [None, None]


def test_a_curve_that_bends_down_is_kept_where_its_tangent_would_not_reach_the_best():
    """Its descent grows by a tenth of that at t, at least: half of what the pruner allows for."""
    first, later = line(2.0, 0.3), bent(1.99, 0.3, 0.15)
    at = math.log(EPOCHS / START)
    growth = 0.15 / (1 + 0.15 * (math.log(EPOCHS) - at))
    assert 0.1 < growth < 0.2
    assert pruned_after(TangentPruner(EPOCHS, best=0.0), [first, later]) == [None, None]
    assert pruned_after(TangentPruner(EPOCHS, **BOUNDED), [first, later]) == [None, START]


@pytest.mark.parametrize("above", [-1e-6, 1e-6])
def test_the_bound_is_the_tangent_bent_by_what_is_allowed(above):
    """Of a straight curve: b = end - c s L^2. It is judged once, at the epoch where it starts."""
    ahead = math.log(EPOCHS / START)
    end = 2.0 + 0.1 * 0.3 * ahead**2 + above
    judged = [*line(end, 0.3)[:START], *line(1.0, 0.3)[START:]]
    found = pruned_after(TangentPruner(EPOCHS, best=0.0), [line(2.0, 0.0), judged])
    assert found == [None, START if above > 0 else None]


def test_of_convex_curves_none_that_would_be_the_best_is_pruned_and_most_others_are():
    rng = np.random.default_rng(0)
    saved = 0
    for _ in range(20):
        ends = rng.uniform(1.8, 2.4, 12)
        curves = [power(end, *rng.uniform([0.3, 0.3], [3.0, 2.0])) for end in ends]
        stopped = pruned_after(TangentPruner(EPOCHS, trials=12), curves)
        assert stopped[int(ends.argmin())] is None
        saved += sum(EPOCHS - (t or EPOCHS) for t in stopped)
    assert saved > 0.4 * 20 * 12 * EPOCHS


@pytest.mark.parametrize(
    ("share", "trials", "kept"),
    [
        (0.1, 13, 2),
        (0.1, 22, 2),
        (0.1, 28, 2),
        (0.1, 29, 3),
        (0.1, 1000, 3),
        (0.1, None, 3),
        (0.0, 40, 1),
        (0.3, 13, 4),
        (0.3, 40, 7),
    ],
)
def test_a_trial_is_kept_as_long_as_it_can_be_among_the_best(share, trials, kept):
    """Of 12 trials that have ended and half of those to come, at most ten."""
    pruner = TangentPruner(EPOCHS, best=share, bend=0.0, trials=trials)
    twelve = [line(3.0 - 0.01 * n, 0.1) for n in range(12)]  # each the best so far: none is pruned
    last = 3.0 - 0.01 * 11 + 0.01 * (kept - 1)  # the end of the k-th best
    for above, expected in ((-1e-6, None), (1e-6, START)):
        curves = [*twelve, line(last + above, 0.1)]
        assert pruned_after(pruner, curves) == [None] * 12 + [expected]


SLOW, FAST = power(1.95, 3.0, 0.6), [power(2.0 + 0.01 * n, 0.5, 1.0) for n in range(6)]


def test_a_slow_starter_that_ends_best_is_kept_where_ranks_mislead():
    at = EPOCHS // 5 - 1
    assert SLOW[at] > 1.05 * max(curve[at] for curve in FAST), "the early rank misleads"
    assert pruned_after(TangentPruner(EPOCHS), [*FAST, SLOW])[-1] is None
    for name in ("halving", "median"):
        assert pruned_after(make_pruner(name, EPOCHS), [*FAST, SLOW])[-1] is not None


def test_larger_is_better_mirrors_smaller_is_better():
    curves = [FAST[2], *FAST, SLOW, line(2.2, 0.2)]
    mirrored = [[-y for y in curve] for curve in curves]
    expected = pruned_after(TangentPruner(EPOCHS), curves)
    assert any(expected)
    assert pruned_after(TangentPruner(EPOCHS), mirrored, "maximize") == expected


def steps(high, low, drop=60):
    """A plateau, and a fall to another: a schedule."""
    return [high if t < drop else low for t in range(1, EPOCHS + 1)]


def test_curves_that_fall_late_teach_that_their_bounds_are_no_bounds():
    fallen = [steps(2.2, 2.0), steps(2.19, 1.99), steps(2.18, 1.98)]
    pruner = TangentPruner(EPOCHS, **BOUNDED)
    assert pruned_after(pruner, fallen) == [None, None, None]
    flat = line(2.0, 0.0)  # ended without a fall: what falls late is not foreseen
    assert pruned_after(pruner, [flat, fallen[0]])[1] == START


def test_without_a_complete_trial_or_with_few_epochs_none_is_judged():
    assert pruned_after(TangentPruner(EPOCHS), [line(3.0, 0.1)]) == [None]
    hopeless = [[1.0] * 12, [9.0] * 12]
    assert pruned_after(TangentPruner(12, best=0.0), hopeless) == [None, 7], (
        "epochs 4 to 7: a line of four points"
    )


def test_a_trial_that_ended_by_itself_early_still_counts_as_the_best():
    short = power(2.0, 0.5, 1.0)[:40]
    pruner = TangentPruner(EPOCHS, **BOUNDED)
    assert pruned_after(pruner, [short, line(2.3, 0.1)]) == [None, START]


def search(pruner, seed, trials):
    """What one worker tries with TPE on convex curves, and how many trials are pruned."""
    study = optuna.create_study(pruner=pruner)
    tried = []
    for number in range(trials):
        study.sampler = make_sampler("tpe", seed, number)
        trial = study.ask()
        x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", 0.1, 3, log=True)
        end = 2.0 + (x - 0.3) ** 2 + 0.1 * math.log(y) ** 2
        for t, value in enumerate(power(end, 1 + abs(x), y), start=1):
            trial.report(value, t)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, end)
        tried.append((x, y))
    return tried, sum(t.state.name == "PRUNED" for t in study.trials)


@pytest.mark.parametrize("seed", range(3))
def test_one_worker_tries_what_it_would_try_without_the_pruner(seed):
    """Bounds of convex curves hold, and TPE's best tenth of up to 20 trials are two at most."""
    whole, none = search(optuna.pruners.NopPruner(), seed, 20)
    found, pruned = search(TangentPruner(EPOCHS, trials=20), seed, 20)
    assert none == 0
    assert pruned >= 5
    assert found == whole


@pytest.mark.parametrize("excess", [0.0, 1.0])
def test_a_best_that_breaks_a_constraint_is_no_mark_to_reach(excess):
    study = optuna.create_study(pruner=TangentPruner(EPOCHS, best=0.0))
    first, second = line(2.0, 0.1), line(2.2, 0.1)
    trial = study.ask()
    for t, value in enumerate(first, start=1):
        trial.report(value, t)
    trial.set_constraint("parameters < 1e6", excess)
    study.tell(trial, first[-1])
    other, told = study.ask(), []
    for t, value in enumerate(second, start=1):
        other.report(value, t)
        told.append(other.should_prune())
    assert any(told) == (excess == 0)


def test_a_value_that_is_not_finite_is_not_judged():
    broken = [math.nan if t == 10 else 9.0 for t in range(1, EPOCHS + 1)]
    assert pruned_after(TangentPruner(EPOCHS), [line(2.0, 0.1), broken]) == [None, None]


def test_a_sweep_gives_the_epochs_and_a_wrong_share_is_one_line():
    made = make_pruner("tangent", 30, 12)
    assert (made.epochs, made.trials) == (30, 12)
    node = {"_target_": "vael.sweep.study.tangent.TangentPruner", "start": 1.5}
    with pytest.raises(ConfigError, match="start must be above 0 and at most 1"):
        make_pruner(node, 30)
