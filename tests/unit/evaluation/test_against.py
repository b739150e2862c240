"""vael evaluate --against: is an example one of those of the run?"""

import json

import numpy as np
import pytest
import torch
from helpers.runs import QUICK, make_run
from PIL import Image
from sklearn.metrics import roc_auc_score

from vael.errors import ConfigError
from vael.evaluation.evaluate import evaluate_run, score_run
from vael.evaluation.request import EvaluationRequest
from vael.evaluation.verify import verify_run
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import load_trained
from vael.report.page import write_report
from vael.runs.evaluation_file import evaluation_text
from vael.training.fit import train

NAMES = ("bound", "rate", "distortion", "typicality")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Images that are like the digits in form, and others that are not."""
    folder, rng = tmp_path_factory.mktemp("other"), np.random.default_rng(0)
    noise = rng.integers(0, 17, (60, 8, 8))
    for name, x in {"noise": noise, "small": noise[:, :6], "coarse": noise // 4}.items():
        np.save(folder / f"{name}.npy", x)
    np.save(folder / "table.npy", rng.normal(size=(60, 64)))
    return folder


def against(files, name, *more):
    return ("data=array", f"data.path={files / name}.npy", *more)


def test_the_same_data_cannot_be_told(run):
    settings = ("data=digits", "data.limit=400")  # the run's own
    same = score_run(EvaluationRequest(run, samples=2, against=settings))["against"]
    assert [same[name]["auroc"] for name in NAMES] == [0.5] * 4
    assert same["chance"] == 0.5


@pytest.mark.slow
def test_noise_is_told_from_digits_and_the_numbers_are_those_of_the_examples(run, files):
    settings = against(files, "noise", "data.levels=17")
    found = evaluate_run(EvaluationRequest(run, samples=3, against=settings))
    section = json.loads((run / "evaluation.json").read_text())["against"]
    assert section["bound"] == found["against"]["bound"]

    def column(overrides, name):
        scorer = Scorer(load_trained(run, overrides), torch.device("cpu"), 3)
        size = len(scorer.examples(Part("test")).index)
        chunks = [scorer.score(Part("test"), n, lambda _: None) for n in range(-(-size // 100))]
        return np.concatenate([chunk[name] for chunk in chunks])

    for name, of in {"bound": "bpd_3", "rate": "rate", "distortion": "distortion"}.items():
        own, other = column((), of), column(settings, of)
        truth = np.r_[np.zeros(len(own)), np.ones(len(other))]
        known = roc_auc_score(truth, np.r_[own, other])
        assert section[name]["auroc"] == pytest.approx(known, abs=1e-12)
    assert section["bound"]["auroc"] > 0.9
    assert section["examples"] == len(other)
    assert sum(section["histograms"]["rate"]["own"]) == found["num_examples"]
    text = evaluation_text(found)
    assert f"against/bound {section['bound']['auroc']:>20.4f}  AUROC +-" in text
    assert "--against data=array" in found["command"]


def test_picture_page_and_verification_have_it_and_lose_it(run, files):
    settings = against(files, "noise", "data.levels=17")
    evaluate_run(EvaluationRequest(run, samples=2, against=settings))
    with Image.open(run / "images" / "against.png") as image:
        assert "noise.npy" in image.info["Description"]
    page = write_report(run).read_text()
    assert "Is it one of mine?" in page
    assert "Typicality: AUROC" in page
    assert verify_run(run).same
    evaluate_run(EvaluationRequest(run, samples=2))
    assert not (run / "images" / "against.png").exists()
    assert "Is it one of mine?" not in write_report(run).read_text()


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("small", ("data.levels=17",), r"shape \(1, 8, 8\), but has shape \(1, 6, 8\)"),
        ("coarse", ("data.levels=5",), r"levels 17, but has levels 5"),
        ("table", (), r"shape \(1, 8, 8\), but has shape \(64,\)"),
        ("noise", ("data.levels=17", "objective.beta=2"), r"only the data can be another one"),
    ],
)
def test_data_that_cannot_be_compared_is_one_line_before_anything_is_scored(
    run, files, name, more, said
):
    with pytest.raises(ConfigError, match=said):
        evaluate_run(EvaluationRequest(run, samples=10**9, against=against(files, name, *more)))


@pytest.mark.slow
def test_a_deterministic_encoder_has_its_distortion_alone(tmp_path, files):
    more = ("posterior=delta", "objective=wae", "data=digits")
    run = make_run(tmp_path, *QUICK, *more)
    train(run)
    settings = against(files, "noise", "data.levels=17")
    found = score_run(EvaluationRequest(run, samples=2, against=settings))["against"]
    assert set(found) & set(NAMES) == {"distortion"}
