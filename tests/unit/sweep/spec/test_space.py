"""The space of a sweep, in Hydra's grammar: what it means and what it refuses."""

import math

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from optuna import create_study, samplers

from vael.errors import ConfigError
from vael.sweep.create import find_default
from vael.sweep.spec.grammar import parse_space
from vael.sweep.spec.space import point_key

SPACE = {
    "model.latent_dim": "tag(log, int(interval(2, 64)))",
    "objective.beta": "tag(log, interval(0.25, 8))",
    "trainer.max_epochs": "range(10, 31, 10)",
    "likelihood": "choice(gaussian, bernoulli)",
}
WHEN = {
    "likelihood=gaussian": {"likelihood.scale": "choice(shared, fixed)"},
    "likelihood.scale=fixed": {"likelihood.sigma": "interval(0.1, 1)"},
}


def drawn(space, count=200):
    study = create_study(sampler=samplers.RandomSampler(seed=0))
    return [space.suggest(study.ask()) for _ in range(count)]


def test_every_draw_is_inside_and_conditional_paths_follow_their_condition():
    found = drawn(parse_space(SPACE, WHEN))
    for chosen in found:
        assert isinstance(chosen["model.latent_dim"], int)
        assert 2 <= chosen["model.latent_dim"] <= 64
        assert 0.25 <= chosen["objective.beta"] <= 8
        assert chosen["trainer.max_epochs"] in (10, 20, 30)
        assert ("likelihood.scale" in chosen) == (chosen["likelihood"] == "gaussian")
        assert ("likelihood.sigma" in chosen) == (chosen.get("likelihood.scale") == "fixed")
    kinds = {(c["likelihood"], c.get("likelihood.scale")) for c in found}
    assert kinds == {("gaussian", "shared"), ("gaussian", "fixed"), ("bernoulli", None)}


def test_a_logarithmic_interval_is_drawn_on_the_logarithm():
    low = sum(c["objective.beta"] < math.sqrt(0.25 * 8) for c in drawn(parse_space(SPACE, {})))
    # Binomial(200, 1/2): outside of 72..128 with probability 6e-5; uniform would give 32 of 200
    assert 72 <= low <= 128


def test_overrides_say_every_digit_and_leave_out_what_does_not_apply():
    space = parse_space(SPACE, WHEN)
    chosen = {
        "model.latent_dim": 3,
        "objective.beta": 0.1 + 0.2,
        "trainer.max_epochs": 20,
        "likelihood": "bernoulli",
    }
    assert space.overrides(chosen) == [
        "model.latent_dim=3",
        "objective.beta=0.30000000000000004",
        "trainer.max_epochs=20",
        "likelihood=bernoulli",
    ]


def test_lists_and_strings_keep_their_text():
    space = parse_space(
        {
            "model.encoder.hidden": "choice([64], [128, 64])",
            "name": "choice('a b', c)",
            "scheduler": "none,cosine",
        },
        {},
    )
    texts = {tuple(space.overrides(point)) for point in space.grid()}
    read = [[o.value() for o in OverridesParser.create().parse_overrides(t)] for t in texts]
    assert [[128, 64], "a b", "none"] in read
    assert len(texts) == 8


@pytest.mark.parametrize("text", ["choice(null, 1.0)", "null,1.0"])
def test_null_is_a_choice_and_may_decide(text):
    when = {"clip=null": {"lr": "choice(1, 2)"}, "clip=1.0": {"rate": "choice(null, 3)"}}
    space = parse_space({"clip": text}, when)
    assert space.corners()[0] == {"clip": None, "lr": 1}
    texts = {tuple(space.overrides(chosen)) for chosen in drawn(space, 100)}
    assert texts == {
        ("clip=null", "lr=1"),
        ("clip=null", "lr=2"),
        ("clip=1.0", "rate=null"),
        ("clip=1.0", "rate=3"),
    }
    [read] = OverridesParser.create().parse_overrides(["clip=null"])
    assert read.value() is None
    config = OmegaConf.create({"choices": {}, "clip": None, "lr": 2})
    assert find_default(space, config) == {"clip": (None, True), "lr": (2, True)}


def test_a_grid_has_every_point_once_and_conditions_hold_in_it():
    space = parse_space(
        {"likelihood": "choice(gaussian, bernoulli)", "x": "range(0, 3)"},
        {"likelihood=gaussian": {"likelihood.scale": "choice(shared, fixed)"}},
    )
    points = [tuple(sorted(p.items())) for p in space.grid()]
    assert len(points) == len(set(points)) == 3 * 2 + 3


def test_steps_of_a_float_range_are_exact_points():
    points = parse_space({"x": "range(0.1, 1, 0.3)"}, {}).grid()
    assert [p["x"] for p in points] == pytest.approx([0.1, 0.4, 0.7], abs=1e-12)


def test_corners_show_every_choice_under_its_condition():
    corners = parse_space(SPACE, WHEN).corners()
    seen = {
        (path, value)
        for corner in corners
        for path, value in corner.items()
        if isinstance(value, str)
    }
    assert seen == {
        ("likelihood", "gaussian"),
        ("likelihood", "bernoulli"),
        ("likelihood.scale", "shared"),
        ("likelihood.scale", "fixed"),
    }
    assert any("likelihood.sigma" in corner for corner in corners)


def test_what_is_chosen_is_what_the_command_line_reads_with_its_type():
    texts = (
        r"""'1', 7, 'null', null, 'true', true, "it's", 'ä', '', 'a\\', '0.5', ['1', 2], 'a b'"""
    )
    values = ["1", 7, "null", None, "true", True, "it's", "ä", "", "a\\", "0.5", ["1", 2], "a b"]
    space = parse_space({"p": f"choice({texts})"}, {})
    overrides = [space.overrides(point)[0] for point in space.grid()]
    read = [OverridesParser.create().parse_override(text).value() for text in overrides]
    assert [(type(v), v) for v in read] == [(type(v), v) for v in values]
    assert len(set(map(point_key, space.grid()))) == space.size() == len(values)


def test_a_range_may_go_down():
    space = parse_space({"p": "range(5, 1, -1)", "q": "range(0.5, 0, -0.2)"}, {})
    assert {point["p"] for point in space.grid()} == {2, 3, 4, 5}
    assert {point["q"] for point in space.grid()} == {0.1, 0.3, 0.5}
    assert {point_key(point) for point in drawn(space)} == set(map(point_key, space.grid()))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("choice(nan, 1)", "nan"),
        ("choice(1, 1.0000000000001)", "differ"),
        ("choice(interval(0, 1), 1)", "of values"),
        ("choice(choice(1, 2), 3)", "of values"),
        ("range(0, 10000000000000000000)", "2^53"),
        ("int(interval(0, 10000000000000000000))", "2^53"),
        ("interval(8, 2)", "is empty"),
        ("interval(2, 2)", "is empty"),
        ("tag(log, interval(0, 1))", "above 0"),
        ("tag(log, int(interval(0.5, 8)))", "above 0"),
        ("choice(3)", "two values"),
        ("choice()", "grammar"),
        ("choice(a, a)", "there twice"),
        ("choice(1, 1.0)", "differ as numbers"),
        ("choice(1, true)", "differ as numbers"),
        ("range(1, 2)", "fewer than two"),
        ("range(3, 1)", "fewer than two"),
        ("shuffle(range(1, 4))", "shuffle"),
        ("shuffle(choice(1, 2))", "shuffle"),
        ("glob(*)", "globs"),
        ("4", "under overrides"),
        ("gaussian", "under overrides"),
        ("interval(1)", "grammar"),
        ("interval(1, 2", "grammar"),
        ("tag(log, choice(1, 2))", "for intervals"),
        ("tag(lug, interval(1, 2))", "tag lug"),
    ],
)
def test_what_is_no_space_is_refused_in_one_line(text, says):
    with pytest.raises(ConfigError) as told:
        parse_space({"objective.beta": text}, {})
    assert says in str(told.value)
    assert "objective.beta" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ({"data=mnist": {"x": "choice(1, 2)"}}, "not in the space"),
        ({"likelihood=laplace": {"x": "choice(1, 2)"}}, "never holds"),
        ({"objective.beta=2": {"x": "choice(1, 2)"}}, "must be a choice"),
        ({"likelihood=gaussian": {"objective.beta": "interval(1, 2)"}}, "there twice"),
        (
            {
                "likelihood=gaussian": {"x": "choice(1, 2)"},
                "likelihood=bernoulli": {"x": "choice(1, 3)"},
            },
            "must be the same",
        ),
        ({"likelihood=gaussian,bernoulli": {"x": "choice(1, 2)"}}, "path=choice"),
    ],
)
def test_a_condition_that_never_holds_is_refused(when, says):
    with pytest.raises(ConfigError, match=says):
        parse_space(SPACE, when)


def test_the_same_path_under_two_conditions_is_one_parameter():
    when = {
        f"likelihood={name}": {"likelihood.fit": "choice(mass, density)"}
        for name in ("gaussian", "bernoulli")
    }
    assert all("likelihood.fit" in chosen for chosen in drawn(parse_space(SPACE, when), 20))


def test_the_default_of_a_list_is_found_among_its_choices():
    config = OmegaConf.create({"choices": {}, "hidden": [64, 32]})
    space = parse_space({"hidden": "choice([8,8], [64, 32])"}, {})
    assert find_default(space, config) == {"hidden": ("[64,32]", True)}
