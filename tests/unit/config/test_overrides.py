"""Overrides that shells let through and Hydra does not read."""

import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from vael.config.compose import compose_config
from vael.config.overrides import check_one_option, escape, quote, quote_overrides
from vael.config.validate import check_config
from vael.errors import ConfigError

PRINTABLE = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp", "Zs")) | st.just(" "), min_size=1
)
# Hydra strips blanks around a plain value, and reads these as what they are
WORDS = {"null", "true", "false", "yes", "no", "on", "off"}


def read(argument):
    return OverridesParser.create().parse_override(argument).value()


@given(PRINTABLE)
def test_a_quoted_text_comes_back(text):
    assert read(f"x={quote(text)}") == text
    assert OmegaConf.create({"x": escape(text)}).x == text


@given(st.lists(st.sampled_from(list("ab=#~()[]{}, .!&@éä'/")), min_size=1).map("".join))
def test_any_path_arrives_as_it_was_typed(path):
    path = "/" + path.strip()
    (argument,) = quote_overrides([f"data.path={path}"])
    assert read(argument) == path


@pytest.mark.parametrize(
    "argument",
    [
        *(
            "data.path=/x/year=2019/x.npz",
            "data.path=~/photos",
            "data.path=/a,b",
            "data.path=/a(1)",
        ),
        *("init_from=RUN/epoch=1-step=3.ckpt", "output_dir=/a#b", "name=Übung", "name=a=b"),
        *("name=2026", "name=007", "output_dir=1e3", "data.path=2019", "name=true"),
        *("data.path=C:\\x\\", "data.path=it's", "data.cache_dir=/tmp/{a}"),
    ],
)
def test_paths_and_plain_texts_need_no_quotes(argument):
    path, _, value = argument.partition("=")
    config = compose_config(["data=array", argument])
    assert OmegaConf.select(config, path) == value


def test_what_hydra_reads_is_left_alone():
    given = [
        "--multirun",
        "model.latent_dim=2,4",
        "data.path='a b'",
        "x={a: 1}",
        "~sweep",
        "data.path=null",
    ]
    assert quote_overrides(given, multirun=True) == given
    assert quote_overrides(["data.path=a.npz,b.npz"], multirun=True) == ["data.path=a.npz,b.npz"]


def test_what_stays_unreadable_is_named_with_its_quotes():
    with pytest.raises(ConfigError, match=r"^name=\(a cannot be read: .*\"name='\(a'\"$"):
        quote_overrides(["data=digits", "name=(a"])


@pytest.mark.parametrize(
    ("argument", "match"),
    [
        ("logger={}", "logger is a group"),
        ("+data=digits", "^data is chosen already: give data=<option> without a plus"),
        ("trainer={max_epochs: 3}", r"^trainer=.*: trainer is a group: .* trainer\.NAME=VALUE"),
    ],
)
def test_a_group_is_no_mapping_and_is_chosen_once(argument, match):
    with pytest.raises(ConfigError, match=match):
        compose_config([argument])


@pytest.mark.parametrize(
    ("group", "remedy"), [("model", r"choice\(a, b\)"), ("logger", "logger=wandb_tensorboard")]
)
def test_a_group_takes_one_option(group, remedy):
    for call in (lambda a: check_one_option(a, ["logger", "model"]), compose_config):
        with pytest.raises(ConfigError, match=rf"{group}=\[a,b\]: a group takes one .*{remedy}"):
            call([f"{group}=[a,b]"])
    check_one_option(["callbacks.extra=[1,2]", "logger=csv"], ["logger"])


@pytest.mark.parametrize(
    ("override", "name"),
    [
        ("name=run_${seed}", "run_0"),
        ("name=${oc.env:VAEL_TEST_NAME}", "from-env"),
        ("name=${data.name}_${model.latent_dim}", "digits_16"),
    ],
)
def test_an_interpolation_of_the_command_line_is_resolved_and_the_command_is_a_text(
    override, name, monkeypatch
):
    monkeypatch.setenv("VAEL_TEST_NAME", "from-env")
    config = compose_config([override])
    check_config(config)
    assert config.name == name
    assert config.command == f"vael train '{override}'"
    again = OmegaConf.create(OmegaConf.to_yaml(config))
    check_config(again)
    assert again.command == config.command


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("model", r"choose model=conv_vae\|.*mlp_vae"),
        ("latent_dim", r"Did you mean model\.latent_dim or latents\?"),
        ("a b", "NAME=VALUE"),
        ("=3", "NAME=VALUE"),
        *((word, "NAME=VALUE") for word in ("+", "+=", "~", "++=3", "", "+ =x", "@=1")),
        ("+model", "choose model=conv_vae"),
    ],
)
def test_a_word_that_is_no_setting_says_what_one_is(word, remedy):
    with pytest.raises(ConfigError, match=f"^{re.escape(word)}: .*{remedy}") as caught:
        compose_config(["data=digits", word])
    assert "hydra" not in str(caught.value).lower()


@pytest.mark.parametrize("value", ["int(interval(2,8))", "range(1,5)", "tag(log, interval(1,2))"])
def test_what_only_a_search_can_have_says_how_to_search(value):
    with pytest.raises(ConfigError, match=r"takes one value\. .*vael sweep FILE") as caught:
        compose_config([f"model.latent_dim={value}"])
    assert f"`model.latent_dim: {value}`" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("${nosuch}", "nosuch is not a setting"),
        ("${data.nam}", r"data\.nam is not a setting\. Did you mean data\.name"),
        ("${oc.env:NOSUCH}", "variable 'NOSUCH' not found"),
        ("${nosuch:1}", "interpolation type nosuch"),
        ("${name}", "Recursive interpolation"),
    ],
)
def test_an_interpolation_that_does_not_resolve_names_its_setting(value, reason, monkeypatch):
    monkeypatch.delenv("NOSUCH", raising=False)
    start = re.escape(f"name={value} cannot be resolved: ")
    with pytest.raises(ConfigError, match=rf"^{start}.*{reason}.*\(\$\{{NAME\}} is") as caught:
        compose_config([f"name={value}"])
    assert "full_key" not in str(caught.value)


@pytest.mark.parametrize("value", ["0", "null", "abc"])
def test_what_a_sweep_writes_into_a_config_is_a_section(value):
    with pytest.raises(ConfigError, match=r"^sweep must be a section, but got"):
        check_config(compose_config([f"sweep={value}"]))
