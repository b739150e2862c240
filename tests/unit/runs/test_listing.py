"""Runs in a list, ``latest``, and a run that is trained longer than it was made for."""

import os
import re

import pytest
from helpers.identical import assert_as_if_never_stopped
from helpers.runs import QUICK, make_run, trained_run
from typer.testing import CliRunner

from vael.cli.main import app
from vael.distributed.ownership import own_folder
from vael.errors import ConfigError
from vael.runs.extension import extend_run
from vael.runs.folder import RunFolder
from vael.runs.listing import find_runs, list_runs, resolve_run
from vael.training.fit import train


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three runs in a folder, the second one trained, and a search with a trial."""
    parent = tmp_path_factory.mktemp("outputs")
    runs = []
    for number, run in enumerate(("a", "b", "c")):
        folder = make_run(parent, *QUICK, "seed=1", f"objective.beta={number}", f"name={run}")
        os.utime(RunFolder(folder).config, (1000 + number, 1000 + number))
        runs.append(folder)
    (parent / "sweeps" / "s" / "trials" / "0000").mkdir(parents=True)
    (parent / "sweeps" / "s" / "sweep.yaml").write_text("name: s")
    (parent / "sweeps" / "s" / "trials" / "0000" / "config.yaml").write_text("seed: 0")
    return parent, runs


def test_the_newest_comes_first_and_trials_only_where_their_search_is_given(three):
    parent, runs = three
    assert find_runs(parent) == runs[::-1]
    assert [p.name for p in find_runs(parent / "sweeps" / "s")] == ["0000"]
    assert resolve_run(parent / "latest") == runs[-1]
    assert resolve_run(runs[0]) == runs[0]


def test_a_folder_of_runs_names_them(three):
    parent, runs = three
    with pytest.raises(ConfigError, match=f"holds some: {re.escape(str(runs[-1]))}, "):
        resolve_run(parent)


def test_latest_without_a_run_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no run in .* yet"):
        resolve_run(tmp_path / "latest")


def test_a_list_shows_the_settings_that_not_all_runs_share(three):
    parent, runs = three
    listed = list_runs(parent)
    assert [run.settings for run in listed] == [
        (f"objective.beta={n}", f"name={name}") for n, name in ((2, "c"), (1, "b"), (0, "a"))
    ]
    assert {run.status for run in listed} == {"not started"}
    with own_folder(RunFolder(runs[0]).config):
        assert [run.status for run in list_runs(parent)][-1] == "training"


def test_a_run_that_is_extended_ends_as_one_that_was_made_so_long_to_the_bit(tmp_path):
    short = trained_run(tmp_path / "short")
    extend_run(short, ["trainer.max_epochs=5"])
    train(short)
    whole = make_run(tmp_path / "whole", *QUICK, "trainer.max_epochs=5")
    train(whole)
    assert_as_if_never_stopped(whole, short)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("trainer.max_epochs=3", "has trained 3 epochs already: give more"),
        ("trainer.max_epochs=x", "takes trainer.max_epochs=N alone"),
        ("objective.beta=2", "vael train init_from="),
    ],
)
def test_an_extension_that_is_none_is_refused_and_changes_nothing(run, setting, said):
    before = RunFolder(run).config.read_bytes()
    with pytest.raises(ConfigError, match=said):
        extend_run(run, [setting])
    assert RunFolder(run).config.read_bytes() == before


def complete(*words):
    """What bash offers for the last of these words; it takes ``a=b`` for three."""
    line = " ".join(("vael", *words))
    env = {"_VAEL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    return CliRunner().invoke(app, [], prog_name="vael", env=env).output.split()


def test_verbs_runs_kinds_searches_and_settings_complete(three, monkeypatch):
    parent, runs = three
    monkeypatch.chdir(parent.parent)
    assert {"train", "list", "sweep"} <= set(complete(""))
    assert complete("explore", f"{parent.name}/b") == [str(runs[1].relative_to(parent.parent))]
    assert complete("generate", "latest", "tra") == ["traversal"]
    assert "latent_beta_likelihood" in complete("sweep", "lat")
    assert complete("train", "data=dig") == ["data=digits"]  # zsh
    assert complete("train", "data", "=", "dig") == ["digits"]
    assert "digits" in complete("train", "data", "=")
    assert complete("train", "objective.be") == ["objective.beta="]
