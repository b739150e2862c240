"""What people type after ``python train.py``."""

import pytest

from vael.errors import ConfigError
from vael.training.arguments import read_arguments


def test_options_may_come_after_settings():
    given = ["data=digits", "--config-dir", "X", "experiment=mine", "-m", "--cfg", "job"]
    wanted = ["--config-dir", "X", "-m", "--cfg", "job", "data=digits", "experiment=mine"]
    assert read_arguments(given) == wanted
    assert read_arguments(["a=1", "--config-dir=X"]) == ["--config-dir=X", "a=1"]
    assert read_arguments(["a=1,2", "-m"]) == ["-m", "a=1,2"]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (["--epochs", "5"], r"--epochs is no option: .* NAME=VALUE\. .*trainer\.max_epochs"),
        (["data=digits", "--lr=0.1"], r"--lr is no option: .*optimizer\.lr"),
        (["--config-name", "/x/RUN/config.yaml"], r"`vael train /x/RUN`"),
        (["-cn=mine.yaml"], r"must be the name of a YAML in conf"),
        (["logger=[csv,tensorboard]"], r"logger=wandb_tensorboard logs to wandb and tensorboard"),
        (["data=[digits,mnist]"], r"a group takes one option: give data=digits"),
        (["name=[a"], r"name=\[a cannot be read"),
    ],
)
def test_what_cannot_be_meant_says_what_to_do(given, match):
    with pytest.raises(ConfigError, match=match) as caught:
        read_arguments(given)
    assert "\n" not in str(caught.value)
