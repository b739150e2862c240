import math
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from vael.sweep.report.contents import read_sweep
from vael.sweep.report.figure import find_ticks, find_window, make_colour_scale, make_number_axis
from vael.sweep.report.history import plot_importance, plot_search
from vael.sweep.report.importance import compute_importances
from vael.sweep.report.parallel import FAN, UNUSED, make_vertical_axis, mix_colour, plot_parallel
from vael.sweep.report.plane import name_alone, plot_maps, plot_planes
from vael.sweep.report.slices import plot_activity, plot_slices
from vael.sweep.study.ranking import Goal
from vael.sweep.study.table import TrialTable

RATE_DISTORTION = Goal("two", ("val/rate", "val/distortion"), ("minimize", "minimize"), None)


def sweep_of(made):
    return read_sweep(made.folder, made.goal, made.table(), "", [])


def trace(figure, name):
    [found] = [t for t in figure.plot["data"] if t.get("name") == name]
    return found


def test_the_history_has_each_finished_trial_and_the_best_so_far(small):
    figure = plot_search(small.goal, small.table())
    assert trace(figure, "complete")["y"] == [2.5, 2.25, 2.0, 2.75, 2.125]
    assert trace(figure, "best so far")["y"] == [2.5, 2.25, 2.0, 2.0, 2.0, 2.0]
    assert trace(figure, "best so far")["x"] == [1, 2, 3, 4, 5, 7]
    assert (trace(figure, "pruned")["x"], trace(figure, "pruned")["y"]) == ([6], [2.9])
    assert trace(figure, "failed")["x"] == [7]
    low, high = figure.plot["layout"]["yaxis"]["range"]
    assert low < 2.0 < 2.75 < trace(figure, "failed")["y"][0] < high


def test_one_bad_trial_does_not_hide_the_others(fake):
    made = fake()
    for value in (2.0, 2.1, 2.2, 2.3, 500.0):
        made.add([value], model__latent_dim=4)
    figure = plot_search(made.goal, made.table())
    low, high = figure.plot["layout"]["yaxis"]["range"]
    assert low < 2.0
    assert 2.3 < high < 4.0
    assert "1 far off" in figure.note


def test_the_front_of_the_plane_is_optunas(fake):
    made = fake(RATE_DISTORTION)
    random = np.random.default_rng(0)
    for _ in range(40):
        rate, waste = (random.integers(0, 12, 2) / 2.0).tolist()
        made.add([rate, 6.0 - rate + waste], model__latent_dim=4)
    [figure] = plot_planes(sweep_of(made))
    line = trace(figure, "Pareto front")
    expected = sorted(tuple(t.values) for t in made.study.best_trials)
    assert list(zip(line["x"], line["y"], strict=True)) == expected
    assert len(set(expected)) > 3
    assert f"{len(expected)} of 40" in figure.note


def test_lines_of_equal_elbo_are_what_they_say(small):
    [figure] = plot_planes(sweep_of(small))
    lines = trace(figure, "equal ELBO")
    labels = figure.plot["layout"]["annotations"]
    totals = [
        round(x + y, 9) for x, y in zip(lines["x"], lines["y"], strict=True) if x is not None
    ]
    assert totals[::2] == totals[1::2]
    said = [float(a["text"].replace("\u2212", "-")) for a in labels]
    assert said == [-total for total in totals[::2]]
    x, y = (figure.plot["layout"][axis]["range"] for axis in ("xaxis", "yaxis"))
    for a in labels:
        assert a["x"] + a["y"] == pytest.approx(-float(a["text"].replace("\u2212", "-")))
        assert x[0] <= a["x"] <= x[1]
        assert y[0] - 1e-9 <= a["y"] <= y[1] + 1e-9


def test_densities_share_no_plane_with_masses_or_other_families(fake):
    made = fake()
    for i, (family, fit) in enumerate(
        [
            ("gaussian", "mass"),
            ("bernoulli", "mass"),
            ("gaussian", "auto"),
            ("gaussian", "density"),
            ("gaussian", "density"),
            ("laplace", "density"),
            ("laplace", "density"),
            ("bernoulli", "density"),
        ]
    ):
        made.add(
            [2.0 + i],
            model__latent_dim=4,
            family=family,
            fit=fit,
            metrics={"val/rate": 1.0 + i, "val/distortion": -3.0 * i},
        )
    found = {
        figure.title: [t["name"] for t in figure.plot["data"][2:]]
        for figure in plot_planes(sweep_of(made))
    }
    assert found == {
        "Trained on mass": ["bernoulli", "gaussian"],
        "Gaussian, trained on density": ["gaussian"],
        "Laplace, trained on density": ["laplace"],
    }
    assert name_alone(sweep_of(made)) == (
        "Without another to compare with: trial 7 (bernoulli, trained on density)."
    )
    assert name_alone(sweep_of(fake(RATE_DISTORTION))) is None


def test_the_maps_are_one_for_each_likelihood_with_the_same_axes(small):
    figures = plot_maps(sweep_of(small))
    assert [figure.title.split(": ")[1] for figure in figures] == ["bernoulli", "gaussian"]
    assert trace(figures[0], "complete")["x"] == [4, 16]
    assert trace(figures[1], "complete")["y"] == [0.25, 1.0, 4.0]
    assert trace(figures[1], "complete")["colours"] == [2.5, 2.0, 2.125]
    assert trace(figures[0], "failed")["x"] == [6]
    for name in ("xaxis", "yaxis"):
        one, two = (figure.plot["layout"][name] for figure in figures)
        assert one == two
        assert one["type"] == "log"
    scales = [trace(f, "complete")["scale"] for f in figures]
    assert scales[0] == scales[1]
    assert scales[0]["low"] == 2.0


def test_each_line_passes_its_own_values(small):
    table = small.table()
    figure = plot_parallel(small.goal, table)
    names = figure.plot["layout"]["xaxis"]["ticktext"]
    assert names == ["latent_dim", "beta", "likelihood", "scale", "val/bpd"]
    lines = {}
    for group in figure.plot["data"][:-1]:
        y, texts = group["y"], group["text"]
        for start in range(0, len(y), len(names) + 1):
            number = int(texts[start].split()[1])
            lines[number] = y[start : start + len(names)]
    assert sorted(lines) == [0, 1, 2, 3, 4]
    for row in table[:5]:
        line = lines[row.number]
        # on a logarithmic axis from 2 to 32 and 0.25 to 4
        assert line[0] == pytest.approx(math.log2(row.params["model.latent_dim"] / 2) / 4)
        assert line[1] == pytest.approx(math.log2(row.params["objective.beta"] / 0.25) / 4)
        word = 0.25 if row.params["likelihood"] == "bernoulli" else 0.75
        assert abs(line[2] - word) <= FAN / 2 + 1e-9
        scale = 0.5 if "likelihood.scale" in row.params else UNUSED
        assert abs(line[3] - scale) <= FAN / 2 + 1e-9
        assert line[4] == pytest.approx((row.values[0] - 2.0) / 0.75)
    last = figure.plot["data"][-2]["text"][0]
    assert last.startswith("trial 2 "), "the best is drawn on top"


def test_axes_of_words_numbers_and_one_value():
    words = make_vertical_axis("x", ["b", "a", None, 3])
    assert [text for _, text in words.ticks] == ["3", "a", "b"]
    assert [words.place(v) for v in (3, "a", "b")] == pytest.approx([1 / 6, 0.5, 5 / 6])
    assert make_vertical_axis("x", [0.0, 1.0, 4.0]).place(1.0) == 0.25
    assert make_vertical_axis("x", [7, 7]).place(7) == 0.5
    assert make_vertical_axis("x", [True, False]).ticks[0][1] == "False"


def test_ticks_are_round_and_within():
    for low, high in ((0.25, 8.0), (3e-4, 1e-2), (2, 64), (1.907, 2.41), (-35.0, -8.0), (0, 1e-5)):
        for log in (False, True) if low > 0 and high / low >= 8 else (False,):
            found = find_ticks(low, high, log)
            assert 1 < len(found) <= 7, (low, high, log)
            assert all(low - 1e-9 <= t <= high + 1e-9 for t in found)
            assert found == sorted(found)
            for t in found:
                digits = f"{abs(t):.6e}".split("e")[0].rstrip("0").rstrip(".")
                assert len(digits) <= 4, t
    assert find_ticks(3.0, 3.0, log=True) == [3.0]


def test_the_colours_turn_with_the_direction():
    values = [1.0, 2.0, 3.0, 4.0, 100.0]
    assert find_window(values, "minimize")[0] == 1.0
    assert find_window(values, "maximize")[1] == 100.0
    assert find_window([2.0, 2.0], "minimize") == (1.5, 2.5)
    assert make_colour_scale(values, "minimize", "t")["reversed"] is False
    assert make_colour_scale(values, "maximize", "t")["reversed"] is True
    assert mix_colour(0.0) == "rgb(47,143,230)"
    assert mix_colour(1.0) == "rgb(234,138,42)"


def test_a_linear_axis():
    assert "type" not in make_number_axis("x", [1.0, 2.0])


def test_what_decides_is_important():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(
        lambda t: (
            (t.suggest_float("decides", 0, 1) - 0.5) ** 2
            + 1e-6 * t.suggest_float("idle", 0, 1)
            + 0 * t.suggest_int("fixed", 3, 3)
        ),
        60,
    )
    trials = study.get_trials()
    found = compute_importances(trials, TrialTable(Path("none")).rows(trials), ("minimize",))
    assert (found.trials, found.epoch) == (60, None)
    shares = found.shares
    assert list(shares) == ["decides", "idle"]
    assert shares["decides"] > 0.8
    assert sum(shares.values()) == pytest.approx(1.0)


def test_where_most_are_pruned_all_are_compared_after_the_last_epoch_that_all_reached():
    """The final values would say "idle": only the scores of epoch 5 know what decides."""
    study = optuna.create_study()
    generator = np.random.default_rng(0)
    unit = optuna.distributions.FloatDistribution(0, 1)
    for number in range(60):
        decides, idle = generator.random(2)
        pruned = number % 10 != 0
        reported = {1: idle, 5: decides} | ({} if pruned else {9: idle})
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
                value=None if pruned else idle,
                intermediate_values=reported,
                params={"decides": decides, "idle": idle},
                distributions={"decides": unit, "idle": unit},
            )
        )
    trials = study.get_trials()
    found = compute_importances(trials, TrialTable(Path("none")).rows(trials), ("minimize",))
    assert (found.trials, found.epoch) == (60, 5)
    assert found.shares["decides"] > 0.8
    assert (
        "after 5 epochs, which all 60 reached"
        in plot_importance(Goal("one", ("val/bpd",), ("minimize",), None), found).note
    )


@pytest.mark.parametrize(
    ("count", "value", "words"),
    [
        (0, 0.0, "at least 10 complete trials; so far: 0"),
        (9, 1.0, "at least 10 complete trials; so far: 9"),
        (10, 0.0, "the same score"),
        (12, 1.0, "the same parameters"),
    ],
)
def test_without_enough_to_go_by_there_is_a_sentence(fake, count, value, words):
    made = fake()
    for i in range(count):
        made.add([2.0 + value * i], model__latent_dim=4)
    found = compute_importances(made.study.get_trials(), made.table(), ("minimize",))
    assert isinstance(found, str)
    assert words in found


def test_each_parameter_that_varies_has_its_slice(small):
    figures = {f.title: f for f in plot_slices(sweep_of(small))}
    assert set(figures) == {
        "val/bpd over latent_dim",
        "val/bpd over beta",
        "val/bpd over likelihood",
        "val/bpd over scale",
    }
    points, best = figures["val/bpd over beta"].plot["data"]
    assert list(zip(points["x"], points["y"], strict=True)) == [
        (0.25, 2.5),
        (0.5, 2.25),
        (1.0, 2.0),
        (2.0, 2.75),
        (4.0, 2.125),
    ]
    assert (best["x"], best["y"]) == ([1.0], [2.0])
    assert figures["val/bpd over beta"].plot["layout"]["xaxis"]["type"] == "log"
    words, best = figures["val/bpd over likelihood"].plot["data"]
    assert sorted(zip(words["y"], words["x"], strict=True)) == [
        ("bernoulli", 2.25),
        ("bernoulli", 2.75),
        ("gaussian", 2.0),
        ("gaussian", 2.125),
        ("gaussian", 2.5),
    ]
    assert words["y"][0] == "gaussian", "the first is the lowest row"
    scale = figures["val/bpd over scale"]
    assert len(scale.plot["data"][0]["x"]) == 3, "Bernoulli has none"
    assert "with it" in scale.note


def test_the_most_important_parameters_come_first(fake):
    made = fake()
    for i in range(12):
        made.add([2.0 + i], model__latent_dim=4 + i % 3, objective__beta=1.0 + i)
    table, trials = made.table(), made.study.get_trials(deepcopy=False)
    shares = compute_importances(trials, table, made.goal.directions)
    assert max(shares.shares, key=shares.shares.get) == "objective.beta"
    sweep = read_sweep(made.folder, made.goal, table, shares, [])
    assert [f.title.split()[-1] for f in plot_slices(sweep)] == ["beta", "latent_dim"]


def test_active_units_stand_over_the_latent_size_with_the_line_of_all(fake):
    made = fake()
    for size, active in ((2, 2.0), (8, 6.0), (32, 7.0)):
        made.add([3.0 - active / 10], model__latent_dim=size, metrics={"val/active_units": active})
    made.add([3.0], model__latent_dim=64)  # a score that it does not have
    [figure] = plot_activity(sweep_of(made))
    line, points = figure.plot["data"]
    assert (points["x"], points["y"]) == ([2, 8, 32], [2.0, 6.0, 7.0])
    assert line["x"] == line["y"] == [2, 32]
    assert "6 of 8 dimensions" in points["text"][1]


def test_one_latent_size_draws_no_activity(fake):
    made = fake()
    for value in (2.0, 3.0):
        made.add([value], model__latent_dim=4, metrics={"val/active_units": 3.0})
    assert plot_activity(sweep_of(made)) == []
