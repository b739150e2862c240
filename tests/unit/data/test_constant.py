"""Columns that do not change over the training rows."""

import numpy as np
import pytest
from helpers.runs import config_of

from vael.config.build import build_data, build_seeds
from vael.data import on_disk
from vael.data.module import VaelData
from vael.data.sources.array import ArrayFile
from vael.errors import ConfigError


def table(path, rows=60):
    x = np.random.default_rng(0).normal(size=(rows, 5)).astype(np.float32)
    x[:, 1] = 7.5
    x[:, 3] = 0
    np.save(path / "x.npy", x)
    return x, str(path / "x.npy")


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("missing", ["refuse", "mean"])
def test_they_are_dropped_on_request_and_told(tmp_path, monkeypatch, large, missing):
    x, path = table(tmp_path)
    if large:
        monkeypatch.setattr(on_disk, "LARGE", 100)
        monkeypatch.setattr(on_disk, "SAMPLE", 16)
    cache = str(tmp_path / "cache")
    data = VaelData(ArrayFile(path, constant="drop", missing=missing), 8, cache_dir=cache)
    data.prepare()
    assert data.spec.event_shape == (3,)
    assert any("2 of 5 columns" in note and "(1, 3): they are left" in note for note in data.notes)
    for split in ("train", "test"):
        _, index = data.select(split)
        np.testing.assert_array_equal(data.head(split, 99).x, x[index][:, [0, 2, 4]])
    seen = data.preprocess(data.head("train", 99).x).numpy()
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(seen.std(0), 1, atol=1e-5)
    kept = VaelData(ArrayFile(path), 8, cache_dir=cache)
    kept.prepare()
    assert kept.spec.event_shape == (5,)
    assert kept.spec.digest != data.spec.digest
    assert any("data.constant=drop leaves them out" in note for note in kept.notes)


def test_names_go_with_their_columns(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c\n" + "\n".join(f"{n},4,{n % 3}.5" for n in range(30)))
    config = config_of("data=array", f"data.path={tmp_path}/t.csv", "data.constant=drop")
    config.data.batch_size = 4
    data = build_data(config, build_seeds(config))
    data.prepare()
    assert data.spec.columns == ("a", "c")
    assert any("(b)" in note for note in data.notes)


def test_it_is_for_tables(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((5, 8, 8), np.uint8) + 9)
    with pytest.raises(ConfigError, match=r"data\.constant=drop is for tables"):
        ArrayFile(str(tmp_path / "x.npy"), constant="drop").decode()
    with pytest.raises(ConfigError, match=r"data\.constant must be one of keep, drop"):
        ArrayFile(str(tmp_path / "x.npy"), constant="lose")
