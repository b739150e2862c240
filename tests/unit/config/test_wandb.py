"""What wandb refuses is refused before a run begins, by wandb's own rules."""

import pytest
from helpers.runs import config_of
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from vael.config.validate import check_config
from vael.config.wandb import check_wandb
from vael.errors import ConfigError

TEXT = st.text(st.sampled_from("ab /\\#?%:é_-"), max_size=4) | st.sampled_from(
    ["x" * 64, "x" * 65, "x" * 128, "x" * 129]
)


def refuses(check):
    try:
        check()
    except Exception:
        return True
    return False


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TEXT, st.lists(TEXT, max_size=3) | TEXT)
def test_refused_is_what_wandb_refuses(project, tags):
    wandb = pytest.importorskip("wandb")
    node = {"_target_": "vael.training.loggers.Wandb", "project": project, "tags": tags}

    def ours():
        check_wandb(OmegaConf.create(node))

    def theirs():
        assert project  # an empty one becomes wandb's "uncategorized"
        wandb.Settings(project=project, run_tags=tags)

    assert refuses(ours) == refuses(theirs)


@pytest.mark.parametrize(
    ("override", "match"),
    [
        ("logger.project=a/b", r"logger\.project must be a name .* got 'a/b'"),
        (f"logger.tags=[ok,{'x' * 69}]", r"logger\.tags must be a text of 1 to 64 .* 'x{69}'"),
        ("logger.tags=7", r"logger\.tags must be a list"),
        ("logger.entity=[a]", r"logger\.entity must be null or a text"),
        ("logger.tags=['']", r"logger\.tags must be a text of 1 to 64"),
    ],
)
def test_it_is_one_line_before_anything_is_read(override, match):
    with pytest.raises(ConfigError, match=match):
        check_config(config_of("logger=wandb", override))
    among = override.replace("logger.", "logger.wandb.")
    with pytest.raises(ConfigError, match=match.replace("logger", r"logger\.wandb")):
        check_config(config_of("logger=wandb_tensorboard", among))


def test_what_wandb_takes_is_taken():
    for override in ("logger.tags=mytag", "logger.tags=[a,1]", "logger.project=my project"):
        check_config(config_of("logger=wandb", override))
    check_config(config_of("logger=csv"))
