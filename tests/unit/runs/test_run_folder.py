"""The run folder: its paths, whether it is a run, and runs of another version."""

import json

import pytest
from helpers.runs import make_run

from vael.errors import CheckpointError, ConfigError
from vael.runs.comparison import compare_runs
from vael.runs.folder import RunFolder, describe_unfinished, read_config
from vael.runs.trust import check_trusted


def test_the_files_of_a_run_lie_where_the_contract_says(tmp_path):
    run = RunFolder(tmp_path)
    names = {
        "config": "config.yaml",
        "summary": "summary.json",
        "metrics": "metrics.csv",
        "log": "train.log",
        "report": "report.html",
        "evaluation": "evaluation.json",
        "images": "images",
        "wandb": "wandb",
        "best": "checkpoints/best.ckpt",
        "last": "checkpoints/last.ckpt",
    }
    assert {name: run.name_of(getattr(run, name)) for name in names} == names


def test_what_is_no_run_is_refused_in_one_line(tmp_path):
    run = RunFolder(tmp_path)
    assert not run.is_run
    with pytest.raises(ConfigError, match=r"is not a run: it has no config\.yaml"):
        run.require()
    with pytest.raises(ConfigError, match=r"is not a run: it has no config\.yaml"):
        read_config(tmp_path)


def test_a_run_is_unfinished_from_its_first_step_to_its_last(tmp_path):
    run = RunFolder(make_run(tmp_path))
    assert describe_unfinished(run.path) is None
    run.checkpoints.mkdir()
    assert "not finished (running, or was killed)" in str(describe_unfinished(run.path))
    run.summary.write_text(json.dumps({"status": "interrupted"}))
    assert "not finished (interrupted)" in str(describe_unfinished(run.path))
    run.summary.write_text(json.dumps({"status": "pruned"}))
    assert describe_unfinished(run.path) is None


@pytest.mark.parametrize("target", ["vael.gone.Gaussian", "vael.gone.folder.Gaussian"])
def test_a_run_of_another_version_is_refused_by_its_name(tmp_path, target):
    run = RunFolder(make_run(tmp_path))
    text = run.config.read_text().replace(str(read_config(run.path).likelihood._target_), target)
    run.config.write_text(text)
    read_config(run.path)  # never trained: a mistake in a target is told where it is made
    run.checkpoints.mkdir()
    with pytest.raises(ConfigError, match=f"made by vael of another version, .*{target}"):
        read_config(run.path)
    run.summary.write_text(json.dumps({"status": "finished", "versions": {"vael": "0.0.9"}}))
    refused = pytest.raises(ConfigError, match=r"made by vael 0\.0\.9, whose runs")
    with refused:
        read_config(run.path)
    with refused:  # of vael report
        run.require()
    with refused:
        compare_runs([run.path, run.path])


def test_a_file_of_another_version_is_not_taken_for_strange_code(tmp_path):
    config = {"model": {"encoder": {"_target_": "vael.gone.ConvEncoder"}}}
    with pytest.raises(CheckpointError, match=r"gone\.ConvEncoder, .* made by another"):
        check_trusted(config, (), tmp_path / "best.ckpt")


def test_own_classes_are_not_taken_for_another_version(tmp_path):
    run = RunFolder(make_run(tmp_path))
    run.checkpoints.mkdir()
    old = str(read_config(run.path).likelihood._target_)
    run.config.write_text(run.config.read_text().replace(old, "mine.Gaussian"))
    assert read_config(run.path).likelihood._target_ == "mine.Gaussian"
