"""The file of a sweep."""

import pytest

from vael.errors import ConfigError
from vael.sweep.spec.definition import with_overrides
from vael.sweep.spec.sweep_file import parse_sweep, read_sweep_file

LEAST = {"name": "s", "trials": 3, "space": {"objective.beta": "interval(1, 2)"}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"trails": 3}, "Did you mean trials"),
        ({"limits": {"trial_minute": 3}}, "Did you mean trial_minutes"),
        ({"limits": {"trial_minutes": 0}}, "limits.trial_minutes must be a number > 0"),
        ({"trials": None}, "trials is missing"),
        ({"trials": 0}, "trials must be"),
        ({"trials": True}, "trials must be"),
        ({"target": "test/bpd"}, "test data is not for searching; use val/bpd"),
        ({"target": "val/bdp"}, "never logged. Did you mean val/bpd"),
        ({"target": "train/loss"}, "never logged"),
        ({"target": "val/bpd", "targets": ["val/rate"]}, "not both"),
        ({"targets": ["val/rate", "val/rate"]}, "different scores"),
        ({"direction": "down"}, "minimize or maximize"),
        ({"targets": ["val/rate", "val/distortion"], "pruner": "halving"}, "pruner must be null"),
        ({"targets": ["val/rate", "val/distortion"], "confirm": 3}, "confirm must be 0"),
        ({"target": "seconds"}, "targets: the first must be a score of val/*, but got seconds"),
        ({"targets": ["val/bpd", "second"]}, "never logged. Did you mean seconds"),
        ({"constraint": "parameters"}, "constraint must be NAME < NUMBER (or <=, >, >=)"),
        ({"constraint": ["seconds < x"]}, "but got 'seconds < x'"),
        ({"constraint": "seconds < inf"}, "constraint must be"),
        ({"constraint": "params < 3"}, "no score or cost of a trial. Did you mean parameters"),
        ({"verdict": {"likelihood": 3}}, "verdict must be a list"),
        ({"verdict": [3]}, "verdict must be a list of strings"),
        ({"space": {}}, "space is empty"),
        ({"space": {"x": [1, 2]}}, "Hydra's grammar"),
        ({"overrides": "data=mnist"}, "must be a list"),
        ({"name": "a/b"}, "letters"),
        ({"name": 2024}, "letters"),
        ({"slurm": "gpu"}, "slurm must map"),
        ({"slurm": None}, "slurm must map"),
        ({"storage": 5}, "storage must be a URL"),
        ({"lease": -1}, "lease must be"),
        ({"when": {"a=b": {}}}, "must map paths"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(changes, says):
    with pytest.raises(ConfigError) as told:
        parse_sweep({**LEAST, **changes})
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_directions_follow_from_the_scores():
    two = parse_sweep({**LEAST, "targets": ["val/rate", "val/elbo"]})
    assert two.directions == ("minimize", "maximize")
    assert two.pruner is None
    assert two.confirm == 0
    cost = parse_sweep({**LEAST, "targets": ["val/elbo", "seconds", "parameters"]})
    assert cost.directions == ("maximize", "minimize", "minimize")
    one = parse_sweep(LEAST)
    assert (one.targets, one.directions) == (("val/bpd",), ("minimize",))
    assert (one.confirm, one.verdict) == (None, ("first",))


def test_the_command_line_is_checked_like_the_file():
    d = parse_sweep(LEAST)
    assert with_overrides(d, {"trials": 7, "confirm": None}).trials == 7
    assert with_overrides(d, {}, prune=False).pruner is None
    with pytest.raises(ConfigError, match="trials must be"):
        with_overrides(d, {"trials": 0})
    front = parse_sweep({**LEAST, "targets": ["val/rate", "val/distortion"]})
    with pytest.raises(ConfigError, match="no single number"):
        with_overrides(front, {}, prune=True)


def test_what_is_written_is_read_back_as_the_same(tmp_path):
    d = parse_sweep(
        {**LEAST, "when": {}, "limits": {"trial_epochs": 5}, "slurm": {"time": "1:00"}}
    )
    assert parse_sweep(d.to_dict()) == d
    for verdict in (None, "likelihood", ["likelihood", "prior"]):
        d = parse_sweep({**LEAST, "verdict": verdict})
        assert parse_sweep(d.to_dict()) == d


def test_an_unknown_file_names_what_there_is(tmp_path):
    (tmp_path / "mnist.yaml").write_text("{}")
    with pytest.raises(ConfigError, match=r"Did you mean .*mnist\.yaml"):
        read_sweep_file(tmp_path / "mnits.yaml")
    for text in ("", "[1]", "space: {a: 'choice(1"):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(ConfigError, match=r"bad\.yaml"):
            read_sweep_file(tmp_path / "bad.yaml")
