"""A deterministic encoder: everything works but the bpd, and that says why."""

import json
import math
import re

import numpy as np
import pytest
import torch
from helpers.identical import read, rows
from helpers.runs import QUICK, make_run

import vael
from vael.errors import ConfigError
from vael.evaluation.evaluate import evaluate_run, score_run
from vael.evaluation.request import EvaluationRequest
from vael.evaluation.verify import verify_run
from vael.pretrained.trained import load_trained
from vael.report.evaluation import tabulate_evaluation
from vael.runs.comparability import NotComparableError
from vael.runs.comparison import compare_runs
from vael.runs.evaluation_file import evaluation_text
from vael.sweep import plan
from vael.sweep.spec.facts import Facts
from vael.training.fit import train

WHY = "deterministic encoder .* no density .* no bound on log p.*no bpd"
BOUNDS = {"bpd", "elbo", "iwae", "rate"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = make_run(
        tmp_path_factory.mktemp("wae"), *QUICK, "objective=wae", "posterior=delta", "seed=3"
    )
    train(folder)
    return folder


def test_it_trains_by_the_distortion_and_has_no_bound(run):
    summary = read(run)
    assert (summary["status"], summary["target"]) == ("finished", "val/distortion")
    assert any(re.search(WHY, text) for text in summary["warnings"])
    names = {name.partition("/")[2] for row in rows(run) for name in row}
    assert not names & BOUNDS
    assert {"distortion", "mse", "mmd", "active_units"} <= names
    assert not {name.partition("/")[2] for name in summary["metrics"]} & BOUNDS
    scores = [float(r["val/distortion"]) for r in rows(run) if r.get("val/distortion")]
    assert summary["metrics"]["val/distortion"] == min(scores)
    with np.load(run / "test_scores.npz") as kept:
        assert not set(kept) & BOUNDS
    page = (run / "report.html").read_text()
    assert "no bpd" in page
    assert "Infinity" not in page


def test_its_distortion_is_that_of_the_one_code_of_each_example(run):
    trained = load_trained(run)
    arrays, index = trained.data.select("test")
    x = trained.preprocess(torch.from_numpy(arrays.x[index]), None)
    with torch.no_grad():
        px = trained.vae.decode(trained.vae.latents.encode(x).mean[None])
        wanted = -trained.vae.log_likelihood(px, x).double().mean().item()
    assert read(run)["metrics"]["test/distortion"] == pytest.approx(wanted, rel=1e-6)


def test_its_evaluation_has_what_needs_no_bound_and_says_why_there_is_none(run):
    assert verify_run(run).same
    found = evaluate_run(EvaluationRequest(run, samples=3))
    assert any(re.search(WHY, text) for text in found["warnings"])
    assert (found["bounds"], found["ess"], found["jackknife"]) == ({}, None, None)
    assert (found["target"], found["samples"]) == ("distortion", 1)
    tested = read(run)["metrics"]
    names = {"distortion", "mse", "psnr", "scale_at_bound"}
    assert set(found["scores"]) == names  # the test's own, again
    assert found["scores"] == pytest.approx({n: tested[f"test/{n}"] for n in names}, rel=1e-9)
    assert found["latents"]["spectrum"]["active_units"] == tested["test/active_units"]
    quality = found["quality"]
    assert math.isfinite(quality["frechet"]["distance"] + quality["kid"]["distance"])
    assert 0 <= found["probe"]["linear"] <= 1
    json.dumps(found, allow_nan=False)
    text = evaluation_text(found)
    assert "test/distortion" in text
    assert re.search(f"warning: .*{WHY}", text)
    verified = verify_run(run)  # of both files
    assert verified.same
    assert len(verified.compared) == 3
    assert "psnr" in compare_runs([run, run])
    section = tabulate_evaluation(found)
    assert section.bounds == []
    assert "Reconstructions and samples" in section.groups


def test_two_processes_evaluate_it_to_the_same_numbers(run):
    one, two = (score_run(EvaluationRequest(run, samples=3, devices=n)) for n in (1, 2))
    assert one["scores"] == two["scores"]


def test_it_is_not_compared_with_a_run_that_has_bits(run, tmp_path):
    other = make_run(tmp_path, *QUICK, "seed=3")
    train(other)
    with pytest.raises(NotComparableError, match=r"score is distortion for .* and bpd for"):
        compare_runs([run, other])
    text = compare_runs([run, run])
    assert "distortion" in text
    assert "bpd" not in text


def test_its_model_encodes_and_draws_but_has_no_log_prob(run):
    model = vael.load(run)
    x = np.random.default_rng(0).integers(0, 17, size=(5, 1, 8, 8))
    mu, sigma = model.encode(x)
    assert mu.shape == (5, 4)
    assert not sigma.any()
    assert model.sample(3).isfinite().all()
    assert model.activity(x).order(2)
    with pytest.raises(ConfigError, match=WHY):
        model.log_prob(x)


@pytest.mark.parametrize(
    "objective", ["elbo", "bound", "free_bits", "beta_tc", "dip", "info", "factor_vae"]
)
def test_an_objective_that_needs_a_density_is_refused(objective, tmp_path):
    folder = make_run(tmp_path, *QUICK, f"objective={objective}", "posterior=delta")
    with pytest.raises(
        ConfigError, match=r"needs the density .* use objective=wae or objective=aae"
    ):
        train(folder, discard_on_error=True)
    assert not folder.exists()


@pytest.mark.parametrize("target", ["val/bpd", "val/elbo"])
def test_a_search_by_bits_refuses_it(target, tmp_path):
    facts = Facts(levels=17, unit=True, accelerator="cpu", gpus=0, threaded=False)
    file = tmp_path / "search.yaml"
    space = {"posterior": "choice(normal, delta)"}
    file.write_text(f"trials: 3\nconfirm: 0\ntarget: {target}\nspace: {space}\n")
    more = ("logger=csv", "objective=wae", f"output_dir={tmp_path / 'out'}")

    def prepare():
        d = plan.define_sweep(file, {}, None, more)
        return plan.prepare_sweep(d, False, None, 1, "local", lambda config: facts)

    with pytest.raises(ConfigError, match=f"{target} is never logged with posterior=delta"):
        prepare()
    assert not (tmp_path / "out").exists()
    file.write_text(file.read_text().replace(target, "val/distortion"))
    prepare()
