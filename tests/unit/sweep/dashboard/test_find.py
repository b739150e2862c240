import pytest
from helpers.studies import make_study

from vael.errors import ConfigError
from vael.sweep.dashboard.find import find_sweep


def test_without_a_word_it_is_the_only_one(tmp_path):
    with pytest.raises(ConfigError, match=r"no sweep in .* yet: vael sweep FILE"):
        find_sweep(None, tmp_path)
    make_study(tmp_path, name="mine")
    assert find_sweep(None, tmp_path) == tmp_path / "mine"
    make_study(tmp_path, name="other")
    with pytest.raises(ConfigError, match=r"several sweeps: give one of .*mine, .*other"):
        find_sweep(None, tmp_path)


def test_a_folder_names_one(tmp_path):
    study = make_study(tmp_path / "outputs" / "sweeps")
    assert find_sweep(study.folder, tmp_path) == study.folder
    with pytest.raises(ConfigError, match="is no sweep"):
        find_sweep(tmp_path, tmp_path)
    with pytest.raises(ConfigError, match=r"nowhere does not exist"):
        find_sweep(tmp_path / "nowhere", tmp_path)
