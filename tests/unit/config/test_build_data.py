"""The data of a run is found where the run was made, wherever it is called from."""

import numpy as np
import pytest
from helpers.runs import config_of, make_run

from vael.config.build import build_data, build_seeds
from vael.errors import DataError


def test_a_relative_path_is_found_from_above_the_run(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    np.save("my table.npy", np.random.default_rng(0).normal(size=(200, 3)))
    own = ("data=array", "data.path=my table.npy", "model=mlp_vae", "data.batch_size=8")
    run = make_run(tmp_path / "project" / "outputs", *own)
    config = config_of(*own)
    (tmp_path / "project").rename(tmp_path / "moved")
    run = tmp_path / "moved" / run.relative_to(tmp_path / "project")
    monkeypatch.chdir(tmp_path)
    seeds = build_seeds(config)
    assert build_data(config, seeds, run).spec.event_shape == (3,)
    with pytest.raises(DataError, match=rf"got {tmp_path}/my table\.npy: No such file"):
        build_data(config, seeds).prepare()
    assert config.data.source.path == "my table.npy"
