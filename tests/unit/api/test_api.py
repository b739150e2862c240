"""`import vael`: train, fit, search, build, and what they return."""

import json
import subprocess
import sys

import numpy as np
import pytest

import vael
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


@pytest.mark.slow
def test_a_search_gives_its_trials_and_its_best(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = {"model.latent_dim": "choice(2, 4)"}
    keys = {"trials": 2, "confirm": 0, "sampler": "grid", "pruner": None}
    found = vael.search(space=space, name="size", workers=1, fixed=SHORT, **keys)
    assert sorted(found.trials["params.model.latent_dim"]) == [2, 4]
    scores = found.trials.set_index("folder")["val/bpd"]
    assert str(found.best.folder).endswith(scores.idxmin())
    assert found.best.scores["val/bpd"] == pytest.approx(scores.min())
    assert found.report.is_file()


def test_a_search_needs_a_file_or_a_space():
    with pytest.raises(ConfigError, match="a file, or a space"):
        vael.search()
