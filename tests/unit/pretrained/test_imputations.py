"""Tables with their missing values filled, and the score of what is filled."""

import csv

import numpy as np
import pytest
from helpers.runs import make_run

import vael
from vael.errors import ConfigError
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.pretrained.generate import imputations
from vael.pretrained.generate.kinds import generate_file
from vael.pretrained.generate.request import GenerateRequest
from vael.pretrained.generate.table import write_table
from vael.training.fit import train
from vael.types import DataSpec

SMALL = (
    *("logger=csv", "report=false", "trainer.max_epochs=60", "data=array", "data.batch_size=64"),
    *("model=linear_vae", "model.latent_dim=1", "evaluation.samples=1", "optimizer.lr=0.02"),
    *("evaluation.test_samples=2", "callbacks.pictures.num_examples=8", "data.missing=mask"),
)


@pytest.fixture(scope="module")
def holed(tmp_path_factory):
    """Three columns that are one, but for a little noise: a hole is known from its neighbours."""
    rng = np.random.default_rng(0)
    x = 5 + rng.normal(size=(300, 1)) * [1, 2, -3] + 0.1 * rng.normal(size=(300, 3))
    x[np.arange(300), rng.integers(0, 3, 300)] = np.nan
    folder = tmp_path_factory.mktemp("holed")
    lines = [",".join("" if v != v else repr(float(v)) for v in row) for row in x.round(3)]
    (folder / "x.csv").write_text("a,b,c\n" + "\n".join(lines) + "\n")
    run = make_run(folder, *SMALL, f"data.path={folder}/x.csv")
    train(run)
    return run, x.round(3)


def read(path):
    names, *rows = csv.reader(path.read_text().splitlines())
    return names, np.array(rows, float)


def test_a_table_is_written_in_its_order_with_its_holes_filled(holed, tmp_path):
    run, x = holed
    names, filled = read(generate_file(GenerateRequest(run, "imputations")))
    there = ~np.isnan(x)
    assert names == ["a", "b", "c"]
    np.testing.assert_array_equal(filled[there].astype(np.float32), x[there].astype(np.float32))
    slopes = np.array([1, 2, -3])
    known = np.nanmean((x - 5) / slopes, 1)  # of z, from the two that are observed
    wanted = (5 + known[:, None] * slopes)[~there]
    error = np.sqrt(((filled[~there] - wanted) / np.abs(slopes)[np.nonzero(~there)[1]]) ** 2)
    assert error.mean() < 0.15


def test_draws_spread_about_the_mean_as_the_likelihood_does(holed, tmp_path):
    run, x = holed
    target = tmp_path / "a.npz"
    drawn = np.load(generate_file(GenerateRequest(run, "imputations", 200, output=target)))
    assert drawn["x"].shape == (300, 200, 3)
    np.testing.assert_array_equal(drawn["observed"], ~np.isnan(x))
    _, mean = read(generate_file(GenerateRequest(run, "imputations")))
    spread = drawn["x"].std(1) / np.sqrt(200)
    away = np.abs(drawn["x"].mean(1) - mean)[np.isnan(x)] / spread[np.isnan(x)]
    assert (away < 5).mean() > 0.98
    names, rows = read(
        generate_file(GenerateRequest(run, "imputations", 2, output=tmp_path / "a.csv"))
    )
    assert names == ["draw", "a", "b", "c"]
    assert rows[:4, 0].tolist() == [1, 2, 1, 2]


def test_an_evaluation_scores_hidden_cells_against_the_mean(holed):
    run, _ = holed
    found = evaluate_run(EvaluationRequest(run, samples=50))["imputation"]
    assert found["rmse"] < 0.5 < found["mean_rmse"]
    assert found["mean_log_likelihood"] < found["log_likelihood"]
    assert 0 < found["cells"] < 0.25 * 2 * 30


def test_data_without_holes_has_nothing_to_impute(tmp_path):
    run = make_run(tmp_path, *SMALL[:1], "trainer.max_epochs=1", "model=mlp_vae", "data.limit=200")
    train(run)
    with pytest.raises(ConfigError, match=r"train it with data\.missing=mask"):
        generate_file(GenerateRequest(run, "imputations"))


def test_images_without_a_file_for_arrays_are_refused_before_they_are_filled(
    tmp_path, monkeypatch
):
    rng = np.random.default_rng(0)
    x, mask = (
        rng.integers(0, 256, (120, 1, 6, 6), dtype=np.uint8),
        rng.random((120, 1, 6, 6)) < 0.7,
    )
    np.savez(tmp_path / "x.npz", x=x, mask=mask)
    more = ("trainer.max_epochs=1", "model=mlp_vae", "likelihood=beta_binomial")
    run = make_run(tmp_path, *SMALL, *more, f"data.path={tmp_path}/x.npz")
    train(run)
    monkeypatch.setattr(imputations, "impute", lambda *args, **options: pytest.fail("filled"))
    with pytest.raises(ConfigError, match=r"are arrays: add --output FILE\.npz"):
        generate_file(GenerateRequest(run, "imputations"))


FAMILIES = (
    *(("gaussian", "a,b"), ("categorical", "kind"), ("categorical", "kind")),
    *(("bernoulli", "yes"), ("poisson", "n")),
)


def test_rows_are_written_as_the_file_has_them():
    """Categories by name, truth values and counts whole; what pandas and csv read back."""
    columns = ("a,b", "kind=x", "kind=y", "yes", "n")
    spec = DataSpec((5,), None, "real", 2, 1, 1, columns=columns, families=FAMILIES)
    rows = np.array([[0.1, 0.2, 0.8, 0.9, 3], [-2, 1, 0, 0, 2.5], [np.nan, 0.5, 0.4, 1, 1e6]])
    text = write_table(rows[:, None].astype(np.float32), spec).decode()
    assert list(csv.reader(text.splitlines())) == [
        ["a,b", "kind", "yes", "n"],
        *(["0.1", "y", "1", "3"], ["-2.0", "x", "0", "2.5"], ["", "x", "1", "1000000"]),
    ]


def test_samples_of_a_table_are_rows_of_p_x_given_z(holed, tmp_path):
    run, _ = holed
    target = tmp_path / "rows.csv"
    names, rows = read(generate_file(GenerateRequest(run, "samples", 40, output=target)))
    assert names == ["a", "b", "c"]
    wanted = vael.load(run).sample(40, mean=False).numpy()
    np.testing.assert_array_equal(rows.astype(np.float32), wanted)
    assert not np.array_equal(wanted, vael.load(run).sample(40).numpy())
    request = GenerateRequest(run, "samples", 9, sampler="mixture", output=tmp_path / "m.csv")
    with pytest.raises(ConfigError, match=r"mixture gives means: add --output FILE\.npz"):
        generate_file(request)
