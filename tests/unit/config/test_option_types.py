"""An option of the wrong type is named, whatever part it belongs to."""

import pytest
from omegaconf import OmegaConf

from vael.config.build import build_part
from vael.config.compose import compose_config
from vael.config.flat import list_leaves
from vael.config.option_types import check_options
from vael.errors import ConfigError

NODES = (
    *("data.source", "model.encoder", "model.decoder", "likelihood", "posterior", "prior"),
    *("latents", "objective", "optimizer", "scheduler", "logger"),
)
CHOICES = (
    *((), ("objective=free_bits", "objective/schedule=linear"), ("objective=capacity",)),
    *(("objective=geco", "prior=mixture"), ("objective=beta_tc", "prior=vamp")),
    *(("objective=bound", "model=mlp_vae"), ("model=resnet_vae", "scheduler=plateau")),
    *(("likelihood=logistic_mixture", "scheduler=cosine"), ("likelihood=student_t",)),
    *(("data=sprites", "objective/schedule=cyclical"), ("data=folder", "data.path=/x")),
)


def list_options(config):
    """The path and value of every number and truth value of the parts."""
    for node in NODES:
        part = OmegaConf.to_container(OmegaConf.select(config, node))
        for path, value in list_leaves(part, inside=dict):
            if isinstance(value, bool | int | float) and not path.startswith("_"):
                yield f"{node}.{path}", value


@pytest.mark.parametrize("words", CHOICES, ids=" ".join)
def test_every_number_of_every_part_is_checked_by_name(words):
    config = compose_config(words)
    options = list(list_options(config))
    assert len(options) > 5
    for node in NODES:
        check_options(OmegaConf.select(config, node), node)
    for path, value in options:
        node = next(node for node in NODES if path.startswith(f"{node}."))
        for junk in ("abc", [value], {"a": 1}, 1.5 if isinstance(value, bool) else True):
            OmegaConf.update(config, path, junk, merge=False)
            name = path.replace("data.source.", "data.")
            with pytest.raises(ConfigError, match=rf"^{name} must be .*, but got ") as caught:
                check_options(OmegaConf.select(config, node), node)
            assert "\n" not in str(caught.value)
        OmegaConf.update(config, path, value, merge=False)


def test_null_and_whole_numbers_are_what_the_constructor_says():
    config = compose_config(["objective=free_bits", "objective.group=null"])
    check_options(config.objective, "objective")
    config.objective.free_nats = 1  # a whole number is a number
    check_options(config.objective, "objective")
    config.objective.free_nats = None
    with pytest.raises(ConfigError, match=r"^objective.free_nats must be a number, but got None"):
        check_options(config.objective, "objective")
    config = compose_config(["objective=free_bits", "objective.group=1.5"])
    with pytest.raises(ConfigError, match=r"group must be null or a whole number, but got 1\.5"):
        check_options(config.objective, "objective")
    check_options(OmegaConf.create({"_target_": "nowhere.Net", "width": "x"}), "model.encoder")


@pytest.mark.parametrize(
    ("node", "words", "match"),
    [
        ("objective", ("+objective.zzz=1",), r"zzz is not an option\. Known: beta, sched"),
        ("objective", ("+objective.betta=1",), r"betta is not an option\. Did you mean beta\?"),
        ("objective", ("~objective.beta",), r"cannot be built: it needs 'beta'\."),
        ("optimizer", ("optimizer.betas=3",), r"^optimizer\.betas must be a list, but got 3\."),
        ("model.encoder", ("model=mlp_vae", "model.encoder.hidden=3"), "hidden must be a list"),
    ],
)
def test_what_a_part_does_not_take_is_named(node, words, match):
    with pytest.raises(ConfigError, match=match) as caught:
        build_part(OmegaConf.select(compose_config(words), node), object, node)
    assert "__init__" not in str(caught.value)
