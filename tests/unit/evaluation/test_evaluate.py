"""vael evaluate as its user meets it: the same numbers again, bad input."""

import json
import re

import numpy as np
import pytest
import torch
from helpers.runs import QUICK, make_run

from vael.errors import VaelError
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import load_trained
from vael.runs.evaluation_file import evaluation_text
from vael.training.fit import train

LOSSES = ("nll", "bpd")


def test_with_as_many_samples_it_is_the_test_of_the_run_again(run, five):
    summary = json.loads((run / "summary.json").read_text())
    tested, again = summary["metrics"], five["bounds"]["5"]
    assert summary["samples"]["test"] == 5
    assert again["bpd"] == pytest.approx(tested["test/bpd"], rel=1e-12)
    assert again["nll"] == pytest.approx(-tested["test/iwae"], rel=1e-12)
    for name in ("elbo", "rate", "distortion", "mse", "psnr"):
        assert five["scores"][name] == pytest.approx(tested[f"test/{name}"], rel=1e-12)


def test_the_file_holds_what_was_returned_and_is_the_same_again(run, five):
    first = json.loads((run / "evaluation.json").read_text())
    assert first["bounds"] == five["bounds"]
    second = evaluate_run(EvaluationRequest(run, samples=5))
    for result in (first, second):
        result.pop("seconds")
    assert json.loads(json.dumps(second)) == first


def test_scores_are_tied_to_each_other(five):
    bounds, scores = five["bounds"], five["scores"]
    assert list(bounds) == ["1", "5"]
    assert bounds["5"]["nll"] < bounds["1"]["nll"]
    assert five["fit"] == "mass"
    for bound in bounds.values():
        assert bound["bpd"] == pytest.approx(bound["nll"] / (8 * 8 * np.log(2)), rel=1e-12)
    assert scores["elbo"] == pytest.approx(-scores["distortion"] - scores["rate"], rel=1e-12)
    assert scores["gap"] == pytest.approx(-bounds["5"]["nll"] - scores["elbo"], rel=1e-12)
    assert 1 <= five["ess"]["min"] <= five["ess"]["mean"] <= 5
    assert scores["overfitting_examples"] == five["num_examples"]


def test_standard_errors_are_over_the_examples(run, five):
    scorer = Scorer(load_trained(run), torch.device("cpu"), 5)
    part = Part("test")
    count = len(scorer.examples(part).index)
    chunks = [scorer.score(part, chunk, lambda n: None) for chunk in range(-(-count // 100))]
    every = np.concatenate([chunk["nll_5"] for chunk in chunks])
    assert len(every) == count == five["num_examples"]

    def error(values):
        return np.sqrt(((values - values.mean()) ** 2).sum() / (count - 1) / count)

    assert five["bounds"]["5"]["nll_se"] == pytest.approx(error(every), rel=1e-12)
    bias = every - np.concatenate([chunk["nll_jackknife"] for chunk in chunks])
    assert five["jackknife"]["bias"] == pytest.approx(bias.mean(), rel=1e-12)
    assert five["jackknife"]["bias_se"] == pytest.approx(error(bias), rel=1e-12)


def test_the_overfitting_gap_is_that_of_as_many_training_examples(run, five):
    """Against all of the training data: the chosen ones are a random part of it."""
    whole = evaluate_run(EvaluationRequest(run, split="train", samples=5))
    assert "overfitting_gap" not in whole["scores"]
    error = 5 * np.hypot(whole["bounds"]["5"]["nll_se"], five["scores"]["overfitting_gap_se"])
    gap = five["bounds"]["5"]["nll"] - whole["bounds"]["5"]["nll"]
    assert abs(gap - five["scores"]["overfitting_gap"]) < error
    evaluate_run(EvaluationRequest(run, samples=5))


def test_a_bare_checkpoint_gives_the_same_beside_it(run, five):
    file = run / "checkpoints" / "best.ckpt"
    found = evaluate_run(EvaluationRequest(file, samples=5))
    assert found["bounds"] == five["bounds"]
    assert (run / "checkpoints" / "evaluation.json").is_file()


def test_own_code_of_a_bare_checkpoint_is_run_when_it_is_allowed(run, five, tmp_path, monkeypatch):
    (tmp_path / "ownnets.py").write_text(
        "from vael.models.nets.mlp import MLP\n\n\nclass Net(MLP):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    content = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    content["config"]["model"]["encoder"]["_target_"] = "ownnets.Net"
    torch.save(content, tmp_path / "own.ckpt")
    with pytest.raises(VaelError, match="allow its package by name: ownnets"):
        evaluate_run(EvaluationRequest(tmp_path / "own.ckpt", samples=5))
    found = evaluate_run(EvaluationRequest(tmp_path / "own.ckpt", samples=5, allow=("ownnets",)))
    assert found["bounds"] == five["bounds"]
    assert "--allow ownnets" in found["command"]


def test_other_data_of_the_same_shape(run, five):
    less = evaluate_run(
        EvaluationRequest(
            run / "checkpoints" / "best.ckpt", samples=5, overrides=("data.limit=300",)
        )
    )
    assert less["num_examples"] == min(300, five["num_examples"])
    assert less["comparable"]["digest"] != five["comparable"]["digest"]
    assert "other data" in less["warnings"][0]


def test_a_table_has_no_bits_and_is_standardised_as_the_run_was(tmp_path):
    rng = np.random.default_rng(0)
    table = rng.normal(5, 3, size=(400, 6)).astype(np.float32)
    np.save(tmp_path / "table.npy", table)
    np.save(tmp_path / "shifted.npy", table + 100)
    # QUICK's batch and limit fit
    folder = make_run(
        tmp_path / "out", *QUICK, "data=array", f"data.path={tmp_path / 'table.npy'}"
    )
    train(folder)
    found = evaluate_run(EvaluationRequest(folder, samples=5))
    assert "bpd" not in found["bounds"]["5"]
    assert found["target"] == "nll"
    assert found["comparable"]["family"] == "gaussian"
    other = evaluate_run(
        EvaluationRequest(folder, samples=5, overrides=(f"data.path={tmp_path / 'shifted.npy'}",))
    )
    assert other["bounds"]["5"]["nll"] > found["bounds"]["5"]["nll"] + 100
    # a run on that table standardises it by itself: its densities are per another unit
    assert other["comparable"]["digest"] != other["data_digest"]
    assert found["comparable"]["digest"] == found["data_digest"]
    same = evaluate_run(
        EvaluationRequest(folder, samples=5, overrides=(f"data.path={tmp_path / 'table.npy'}",))
    )
    assert same["comparable"] == found["comparable"]


def test_the_command_names_the_device_that_was_asked_for(tmp_path):
    """The noise of a GPU is another one: without it the command would give other numbers."""
    run = tmp_path / "a run"
    assert EvaluationRequest(run, samples=5, device="cpu").command == (
        f"vael evaluate '{run}' --split test --samples 5 --device cpu"
    )
    assert EvaluationRequest(run).command == f"vael evaluate '{run}' --split test --samples 1000"
    assert EvaluationRequest(run, threads=2).command.endswith(" --samples 1000 --threads 2")


def test_a_single_example_has_no_standard_error(tmp_path, run):
    images = np.random.default_rng(0).integers(0, 17, size=(2, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "one.npz", x_train=np.repeat(images, 20, 0), x_test=images[:1])
    # beside the checkpoint, so that the run's own file stays
    found = evaluate_run(
        EvaluationRequest(
            run / "checkpoints" / "best.ckpt",
            samples=5,
            overrides=("data=array", f"data.path={tmp_path / 'one.npz'}", "data.levels=17"),
        )
    )
    assert found["num_examples"] == 1
    text = evaluation_text(found)
    assert re.search(r"test/bpd +\d+\.\d+  bits/dim, k = 5$", text, re.M), text
    assert "nan" not in text
    file = json.loads((run / "checkpoints" / "evaluation.json").read_text())
    assert file["bounds"]["5"]["bpd_se"] is None
    assert evaluation_text(file) == text


def test_what_is_not_finite_is_said(tmp_path, run):
    broken = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    weights = broken["state_dict"]
    name = next(n for n in weights if n.startswith("vae.likelihood") and n.endswith("weight"))
    weights[name][0] = float("nan")
    torch.save(broken, tmp_path / "broken.ckpt")
    found = evaluate_run(EvaluationRequest(tmp_path / "broken.ckpt", samples=2))
    count = found["num_examples"]
    assert re.match(rf"{count} of {count} examples have no finite bpd", found["warnings"][0])
    file = json.loads((tmp_path / "evaluation.json").read_text())
    assert file["bounds"]["2"]["bpd"] is None


BAD = {
    "no samples": (EvaluationRequest, {"samples": 0}, r"--samples must be at least 1, but got 0"),
    "a split": (
        EvaluationRequest,
        {"split": "dev"},
        r"--split must be one of train, val, test.* got dev",
    ),
    "devices": (EvaluationRequest, {"devices": 0}, r"--devices must be at least 1, but got 0"),
    "threads": (EvaluationRequest, {"threads": 0}, r"--threads must be at least 1, but got 0"),
    "a device": (
        EvaluationRequest,
        {"device": "tpu"},
        r"--device must be auto, cpu or cuda, but got tpu",
    ),
    "no factors": (
        EvaluationRequest,
        {"factors": True},
        r"--factors, but this data has no known factors",
    ),
    "an override": (
        EvaluationRequest,
        {"overrides": ("objective.beta=2",)},
        r"only the data can be",
    ),
    "no such setting": (
        EvaluationRequest,
        {"overrides": ("data.pth=x",)},
        r"data\.pth is not a setting",
    ),
    "another shape": (
        EvaluationRequest,
        {"overrides": ("data.image_size=16",)},
        r"best\.ckpt does not fit data of shape \(1, 16, 16\)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_leaves_the_file_alone(run, five, case):
    kind, options, message = BAD[case]
    before = (run / "evaluation.json").read_bytes()
    with pytest.raises(VaelError) as caught:
        evaluate_run(kind(run, **options))
    assert re.search(message, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert (run / "evaluation.json").read_bytes() == before


def test_a_run_without_checkpoints(tmp_path):
    folder = make_run(tmp_path, *QUICK)
    with pytest.raises(VaelError, match=r"has no checkpoints/best\.ckpt[:;] train it first"):
        evaluate_run(EvaluationRequest(folder))
    with pytest.raises(VaelError, match="neither a run's folder nor a checkpoint file"):
        evaluate_run(EvaluationRequest(tmp_path / "nowhere"))


def test_what_hangs_on_few_samples_says_so(run):
    request = EvaluationRequest(run / "checkpoints" / "best.ckpt", samples=20)
    found = evaluate_run(request)
    few = [text for text in found["warnings"] if "effective sample size" in text]
    assert bool(few) == (found["ess"]["median"] < 10)
    assert request.output == run / "checkpoints" / "evaluation.json"
