"""Every YAML composes, builds and trains; every class that a user may choose has a YAML."""

import inspect
import json
import math
import re
from pathlib import Path

import pytest
from helpers.runs import ROOT, make_run

from vael import objectives
from vael.data import sources
from vael.models import latents, likelihoods, nets, posteriors, priors
from vael.training.fit import train

CONF = ROOT / "conf"
TINY = (
    "logger=csv",
    "trainer.max_epochs=1",
    "data.limit=150",
    "data.batch_size=64",
    "evaluation.test_samples=2",
    "callbacks.pictures.num_examples=20",
)
SOURCES = {
    "mnist",
    "fashion_mnist",
    "cifar10",
    "hub",
    "array",
    "folder",
    "breast_cancer",
    "series",
}  # tested in tests/data
ELSEWHERE = (  # tested in integration/train/test_series.py and integration/combinations
    *("model=tcn_vae", "likelihood=poisson", "likelihood=negative_binomial"),
)
OPTIONS = sorted(
    f"{path.relative_to(CONF).parent}={path.stem}"
    for path in CONF.glob("*/**/*.yaml")
    if not (path.parent.name == "data" and path.stem in SOURCES)
    and path.parent.name != "debug"
    and f"{path.parent.name}={path.stem}" not in ELSEWHERE
)
NEEDS = {
    "condition=columns": [
        *("data=breast_cancer", "likelihood=gaussian", "model=mlp_vae"),
        "condition.names=[mean radius]",
    ],
    "condition=factors": [
        *("data=sprites", "model=mlp_vae", "model.encoder.hidden=[8]", "model.decoder.hidden=[8]")
    ],
    "experiment=conditional_iwae_1l": ["data=digits"],
    "experiment=iwae_1l": ["data=digits"],
    "experiment=iwae": ["data=digits"],
    "experiment=nvae": ["data=digits"],
    "experiment=bb_ans": ["data=digits"],
    "experiment=iwae_2l": ["data=digits"],
    "experiment=ppca": ["data=digits"],
    **{
        f"latents/prior={name}": ["latents=vq", "model=mlp_vae"]
        for name in ("uniform", "unigram", "autoregressive")
    },
    "latents=vq": ["model.latent_shape=[4,4,4]"],
    "likelihood=student_t": ["data=breast_cancer", "model=mlp_vae"],
    "likelihood=mixed": ["data=breast_cancer", "model=mlp_vae"],
    "model=linear_vae": ["likelihood=squared_error"],
    "posterior=delta": ["objective=wae"],
    "objective/schedule=linear": ["objective.schedule.steps=2"],
    "objective/schedule=cyclical": ["objective.schedule.period=1", "objective.schedule.cycles=2"],
}


DRAWN = ("condition", "data", "latents", "likelihood", "model")  # the page looks different for


@pytest.mark.parametrize("option", OPTIONS)
def test_it_trains_an_epoch(option, tmp_path):
    drawn = option.partition("=")[0] in DRAWN
    folder = make_run(tmp_path, *TINY, f"report={drawn}", option, *NEEDS.get(option, []))
    train(folder)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert summary["steps"] == 2
    assert (folder / "report.html").exists() == drawn
    if "data=breast_cancer" in NEEDS.get(option, []):
        assert "test/bpd" not in summary["metrics"]
        assert math.isfinite(summary["metrics"]["test/elbo"])
    elif option == "posterior=delta":
        assert "test/bpd" not in summary["metrics"]
        assert math.isfinite(summary["metrics"]["test/distortion"])
    else:
        assert 0 < summary["metrics"]["test/bpd"] < 100


@pytest.mark.parametrize("scale", ["fixed", "shared", "per_dim", "predicted"])
@pytest.mark.parametrize("fit", ["mass", "density"])
def test_every_scale_and_fit_trains(scale, fit, tmp_path):
    folder = make_run(
        tmp_path,
        *(*TINY, "report=false", "model=mlp_vae"),
        *(f"likelihood.scale={scale}", f"likelihood.fit={fit}"),
    )
    train(folder)
    summary = json.loads((folder / "summary.json").read_text())
    assert 0 < summary["metrics"]["test/bpd"] < 100


CHOICES = [nets, likelihoods, latents, posteriors, priors, objectives, sources]
CHOSEN = [
    f"{package.__name__}.{name}"
    for package in CHOICES
    for name in package.__all__
    if inspect.isclass(made := getattr(package, name))
    and not inspect.isabstract(made)
    and not getattr(made, "_is_protocol", False)
    and not name.endswith("Record")
] + [
    "vael.training.loggers.NoLogger",
    "vael.training.loggers.SeveralBoards",
    "vael.training.loggers.Tensorboard",
    "vael.training.loggers.Wandb",
]


@pytest.mark.parametrize("name", CHOSEN)
def test_every_public_choice_is_chosen_by_a_yaml(name):
    targets = {
        target
        for path in CONF.rglob("*.yaml")
        for target in re.findall(r"_target_: (\S+)", path.read_text())
    }
    assert any(f"{target}.".startswith(f"{name}.") for target in targets), f"{name} has no YAML"


def test_the_makefile_explains_every_target():
    text = Path(ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.*)$", text, re.M)[0].split())
    assert targets == set(re.findall(r"^([a-z0-9-]+):.*## ", text, re.M))
