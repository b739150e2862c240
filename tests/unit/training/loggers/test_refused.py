"""A board that cannot be opened ends a run before its first step, and leaves nothing behind."""

import json
import sys

import pytest
from helpers.runs import QUICK, config_of, make_run

from vael.config.build import build_part
from vael.errors import ConfigError
from vael.training.fit import train
from vael.training.loggers import Board, NoLogger


def refuse(self, run, config):
    (run / "wandb").mkdir()
    (run / "wandb" / "id").touch()
    raise ConfigError("the board refuses")


def test_a_new_run_whose_board_refuses_is_discarded(tmp_path, monkeypatch):
    monkeypatch.setattr(NoLogger, "open", refuse)
    folder = make_run(tmp_path, *QUICK)
    with pytest.raises(ConfigError, match="the board refuses"):
        train(folder, discard_on_error=True)
    assert list(tmp_path.iterdir()) == []


def test_one_that_has_its_folder_says_why_it_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(NoLogger, "open", refuse)
    folder = make_run(tmp_path, *QUICK)
    with pytest.raises(ConfigError, match="the board refuses"):
        train(folder)
    assert json.loads((folder / "summary.json").read_text())["reason"] == "the board refuses"


@pytest.mark.parametrize("option", ["tensorboard", "wandb", "wandb_tensorboard"])
def test_a_package_is_asked_for_before_the_run_begins(option, monkeypatch):
    package = option.rpartition("_")[2]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"needs the package {package}: pip install {package};"):
        build_part(config_of(f"logger={option}").logger, Board, "logger")


def test_a_variable_that_wandb_refuses_is_named_with_what_it_may_be(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "garbage")
    folder = make_run(tmp_path, *QUICK, "logger=wandb")
    board = build_part(config_of("logger=wandb", "name=x").logger, Board, "logger")
    with pytest.raises(
        ConfigError, match=r"mode Input should be 'online', .*, got 'garbage'\. See"
    ):
        board.open(folder, {})


@pytest.mark.slow
def test_without_its_server_wandb_logs_offline(tmp_path, monkeypatch, capfd):
    for name, value in {
        "WANDB_MODE": "online",
        "WANDB_API_KEY": 40 * "1",
        "WANDB_BASE_URL": "http://127.0.0.1:9",  # the port of discard: nobody answers
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("vael.training.loggers.wandb.INIT_SECONDS", 3.0)
    folder = make_run(tmp_path, *QUICK, "logger=wandb")
    board = build_part(config_of("logger=wandb", "name=x").logger, Board, "logger")
    board.open(folder, {})
    board.catch_up({})
    board.close({"val/bpd": 2.0}, succeeded=True)
    assert list((folder / "wandb").glob("offline-run-*/*.wandb"))
    told = capfd.readouterr().err
    assert "wandb cannot be reached" in told
    assert "`wandb sync " in told
