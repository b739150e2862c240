"""`import vael`: train, fit, search, build, and what they return."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import vael
from vael.api.memory import _to_array
from vael.api.settings import write_settings
from vael.config.compose import compose_config
from vael.data.module import VaelData
from vael.errors import ConfigError, VaelError

SHORT = {
    "logger": "csv",
    "model": "mlp_vae",
    "report": False,
    "trainer.max_epochs": 1,
    "data.limit": 200,
    "evaluation.test_samples": 2,
}


def test_import_takes_no_torch_and_every_name_is_listed():
    code = "import sys, vael; print('torch' in sys.modules, vael.__version__, dir(vael))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False 0.")
    assert "'train'" in done.stdout


def test_a_run_has_its_scores_model_and_a_repr_of_one_line(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    run = vael.train(data="digits", **{**SHORT, "objective.beta": 2})
    summary = json.loads((run.folder / "summary.json").read_text())
    assert run.summary == summary
    assert run.scores["test/bpd"] == summary["metrics"]["test/bpd"]
    assert "objective.beta=2" in summary["command"]
    assert run.model.sample(3).shape == (3, 1, 8, 8)
    assert f"test/bpd {run.scores['test/bpd']:.4f}" in repr(run)
    assert all("\n" not in repr(thing) for thing in (run, run.model))
    assert vael.RunResult().folder == run.folder.relative_to(".")
    assert "test/bpd" in capfd.readouterr().out  # what the command prints

    assert vael.train(run.folder, **{"trainer.max_epochs": 2}).summary["epochs"] == 2
    with pytest.raises(VaelError, match=r"Did you mean objective\.beta"):
        vael.train(beta=4)
    with pytest.raises(VaelError, match=r"trainer\.max_epochs must be .* got 0"):
        vael.train(**{"trainer.max_epochs": 0})


def test_numbers_in_memory_train_and_their_model_takes_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(300, 5)) * [1, 2, 3, 4, 5]
    run = vael.fit(x, name="mine", **{k: v for k, v in SHORT.items() if k != "model"})
    mu, sigma = run.model.encode(x[:7])
    assert mu.shape == sigma.shape == (7, run.model.latent_shape[0])
    (kept,) = tmp_path.glob("outputs/data/mine-*.npz")
    np.testing.assert_array_equal(np.load(kept)["x"], x)
    assert run.folder.parent.name == "mine"
    with pytest.raises(VaelError, match="one label for each of 300"):
        vael.fit(x, np.zeros(4))


def test_a_mask_is_not_forgotten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VaelError, match=r"x must not be masked, but 3 of 8 values are: fill"):
        vael.fit(np.ma.masked_less(np.arange(8.0).reshape(4, 2), 3))
    assert not list(tmp_path.iterdir())
    none = np.ma.masked_less(np.arange(8.0), -1)
    np.testing.assert_array_equal(_to_array("x", none), np.arange(8.0))


@pytest.mark.filterwarnings("ignore")  # Lightning's hints
def test_what_is_built_trains_with_a_plain_trainer_and_its_checkpoint_loads(tmp_path):
    import pytorch_lightning as pl

    lit, data = vael.build(data="digits", **{**SHORT, "model.latent_dim": 3})
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    trainer = pl.Trainer(max_epochs=1, default_root_dir=tmp_path, accelerator="cpu", **quiet)
    trainer.fit(lit, data)
    (scores,) = trainer.test(lit, data, verbose=False)
    assert scores["test/bpd"] == pytest.approx(lit.published["test/bpd"], rel=1e-6)
    (validated,) = trainer.validate(lit, data, verbose=False)
    assert validated["val/elbo"] == pytest.approx(lit.published["val/elbo"], rel=1e-6)
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    model = vael.load(tmp_path / "x.ckpt")
    x = data.head("test", 5).x
    lit.eval()
    mine = lit.vae.encode(lit.preprocess(x, None)).mean
    np.testing.assert_array_equal(model.encode(x.numpy()).mu, mine.detach())


@pytest.mark.filterwarnings("ignore")  # Lightning's hints
def test_what_is_built_takes_loaders_of_ones_own(tmp_path):
    import pytorch_lightning as pl
    from torch.utils.data import DataLoader, TensorDataset

    lit, data = vael.build(data="digits", **SHORT)
    arrays, index = data.select("test")
    x = torch.from_numpy(arrays.x[index])
    own = DataLoader(TensorDataset(x), batch_size=100)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    trainer = pl.Trainer(max_epochs=1, default_root_dir=tmp_path, accelerator="cpu", **quiet)
    before = [p.detach().clone() for p in lit.parameters()]
    trainer.fit(lit, own, DataLoader(x, batch_size=50))
    assert any((a != b).any() for a, b in zip(before, lit.parameters(), strict=True))
    (mine,) = trainer.test(lit, own, verbose=False)
    (theirs,) = trainer.test(lit, data, verbose=False)
    assert mine == theirs  # the same chunks of 100


def test_data_is_read_when_it_is_asked_for(tmp_path):
    from vael.data.sources import Digits

    assert VaelData(Digits(), cache_dir=str(tmp_path)).spec.event_shape == (1, 8, 8)
    batch = next(iter(VaelData(Digits(), cache_dir=str(tmp_path)).train_dataloader()))
    assert batch.x.shape == (128, 1, 8, 8)


def test_a_search_that_cannot_be_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dims = {"model.latent_dim": [4, 8]}
    for match, call in {
        "trials is missing": {"space": dims},
        "trails is not a key of a sweep. Did you mean trials": {"space": dims, "trails": 2},
        "a choice needs two values": {"space": {"seed": [4]}, "trials": 2},
        "7 is a single value": {"space": {"seed": 7}, "trials": 2},
        "sampler must be": {"space": dims, "trials": 2, "sampler": object()},
        "name must be made of": {"space": dims, "trials": 2, "name": "a/b"},
        "pruner is a key of the sweep's file": {
            **{"space": dims, "trials": 2, "fixed": {"pruner": "median"}}
        },
    }.items():
        with pytest.raises(ConfigError, match=match):
            vael.search(**call)
    with pytest.raises(ConfigError, match="is no sweep"):
        vael.SearchResult("nowhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_search_gives_its_trials_and_its_best(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = {"model.latent_dim": [2, 4]}
    keys = {"trials": 2, "confirm": 0, "sampler": "grid", "pruner": None}
    found = vael.search(space=space, name="size", workers=1, fixed=SHORT, **keys)
    assert sorted(found.trials["params.model.latent_dim"]) == [2, 4]
    scores = found.trials.set_index("folder")["val/bpd"]
    assert str(found.best.folder).endswith(scores.idxmin())
    assert found.best.scores["val/bpd"] == pytest.approx(scores.min())
    assert found.report.is_file()


@pytest.mark.parametrize("text", ["a,b", "it's (1)", "2026", "a $1", "gaussian", "x=y", "é b"])
def test_a_text_arrives_as_it_is(text):
    assert compose_config(write_settings({"name": text})).name == text
    assert compose_config(write_settings({"data": "array", "data.path": text})).data.path == text


@pytest.mark.parametrize("text", ["a,b", "it's (1)", "a\\", "a: b", "{x}", "true"])
def test_a_list_and_a_mapping_arrive_as_they_are(text):
    settings = {"logger": "wandb", "logger.tags": (text, "b"), "data.image_size": np.int64(9)}
    config = compose_config(write_settings(settings))
    assert (list(config.logger.tags), config.data.image_size) == ([text, "b"], 9)
    mine = {"_target_": text, "n": 3, "at": [1.5, None, True]}
    config = compose_config(write_settings({"+callbacks.extra.mine": mine}))
    assert config.callbacks.extra.mine == mine


def test_what_is_no_setting_is_named_with_its_kind():
    assert write_settings({"data.path": Path("a b")}) == ["data.path=a b"]
    with pytest.raises(ConfigError, match=r"^data must be .* got a ndarray; vael\.fit trains on"):
        vael.train(data=np.zeros((9, 4)))
    with pytest.raises(ConfigError, match=r"^model must be .* got a object\.$"):
        vael.build(model=object())


@pytest.mark.parametrize(
    ("x", "match"),
    [
        ("table.csv", r"x must be an array of numbers, but got str; a file: vael\.train"),
        ([[1, 2], [3]], "inhomogeneous"),
        (np.array([[1, None]]), "but got Python objects in it"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Duplicate column names"),
        (np.full((300, 4), np.nan), "values must be finite"),
    ],
)
def test_what_is_no_table_is_one_error_and_leaves_nothing(x, match, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VaelError, match=match):
        vael.fit(x, logger="csv")
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")  # the error says it once


def test_a_data_frame_keeps_its_columns_and_texts_are_labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["width", "height", 3])
    names = pd.Series(rng.choice(["cat", "dog"], 300))
    run = vael.fit(frame, names, **{k: v for k, v in SHORT.items() if k != "model"})
    (kept,) = tmp_path.glob("outputs/data/array-*.parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(kept), frame.rename(columns=str).assign(label=names)
    )
    assert run.model.spec.columns == ("width", "height", "3")
    assert run.model.spec.num_classes == 2


def test_a_column_is_not_overwritten_by_labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame(np.eye(300)[:, :2], columns=["a", "label"])
    with pytest.raises(VaelError, match="x must have no column label where y is given"):
        vael.fit(frame, [0, 1] * 150, logger="csv")
    assert list(tmp_path.iterdir()) == []


def test_tensors_and_lists_are_arrays():
    x = torch.arange(6.0, requires_grad=True).reshape(2, 3)
    np.testing.assert_array_equal(_to_array("x", x), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(_to_array("x", [[0, 1], [2, 3]]), [[0, 1], [2, 3]])
    assert _to_array("y", np.array(["a", "b"], dtype=object)).dtype.kind == "U"


def test_a_search_needs_a_file_or_a_space():
    with pytest.raises(ConfigError, match="a file, or a space"):
        vael.search()
