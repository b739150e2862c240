"""What becomes of the folder of a run that cannot start."""

from pathlib import Path

import pytest
from helpers.runs import make_run

from vael.config.compose import compose_config
from vael.errors import DiskError
from vael.runs.creation import discard_run, make_run_folder
from vael.runs.folder import read_run_size


def test_only_what_has_never_trained_is_discarded(tmp_path):
    run = make_run(tmp_path)
    (run / "train.log").touch()
    (run / "checkpoints").mkdir()
    discard_run(run, is_first=True)
    assert run.exists()
    (run / "checkpoints").rmdir()
    discard_run(run, is_first=False)
    assert run.exists()
    discard_run(run, is_first=True)
    assert not run.parent.exists()
    assert tmp_path.exists()


def test_nothing_is_left_behind_in_the_current_folder_but_other_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, two = (make_run(Path("my/outputs"), "name=a/b") for _ in range(2))
    discard_run(one, is_first=True)
    assert two.is_dir()
    discard_run(two, is_first=True)
    assert list(tmp_path.iterdir()) == []


def test_a_supervised_rank_only_leaves_a_note(tmp_path, monkeypatch):
    run = make_run(tmp_path)
    monkeypatch.setenv("VAEL_SUPERVISED", "1")
    discard_run(run, is_first=True)
    assert (run / ".ranks" / "impossible").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("trainer: {devices: 3, num_nodes: 2}", (3, 2)),
        ("trainer: {devices: x}", (1, 1)),
        ("trainer: [", (1, 1)),
        ("[1]", (1, 1)),
        ("trainer: {devices: 0, num_nodes: 1}", (1, 1)),
    ],
)
def test_a_config_that_is_no_good_is_left_to_one_process(tmp_path, text, found):
    (tmp_path / "config.yaml").write_text(text)
    assert read_run_size(tmp_path) == found


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_shared_folder_that_cannot_be_made_names_its_variable(tmp_path, monkeypatch, place):
    (tmp_path / "file").touch()
    monkeypatch.setenv("VAEL_RUN", str(tmp_path / place))
    with pytest.raises(DiskError, match=r"cannot make the run's folder .*set VAEL_RUN to"):
        make_run_folder(compose_config([]))
