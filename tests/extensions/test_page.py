"""The examples of docs/extending.md are true: their tests, commands and parts of a run."""

import csv
import json
import re
import shlex
import sys
import types

import pytest
import torch
from extensions.files import BLOCKS, COMMANDS, SHORT, call, search, train
from helpers.runs import config_of
from typer.testing import CliRunner

import vael
from vael.cli.main import app
from vael.config.validate import check_config
from vael.errors import CheckpointError
from vael.evaluation import diagnostics
from vael.metrics import catalog

TESTS = [
    (path, name)
    for path, text in BLOCKS.items()
    if path.startswith("tests/")
    for name in re.findall(r"^def (test_\w+)\(\)", text, re.MULTILINE)
]
TRAIN = [line for line in COMMANDS if line.startswith("vael train ")]
METRIC = "vael.metrics.latent_correlation"


@pytest.fixture
def metric(monkeypatch):
    """The metric's module, as if it were in the repository."""
    module = types.ModuleType(METRIC)
    exec(BLOCKS["src/vael/metrics/latent_correlation.py"], vars(module))
    monkeypatch.setitem(sys.modules, METRIC, module)


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_the_page_s_own_tests_pass(mylab, metric, path, name):
    names = {}
    exec(compile(BLOCKS[path], path, "exec"), names)
    names[name]()


def test_every_part_has_an_example_a_yaml_a_command_and_a_test():
    assert len(TESTS) == sum(text.count("def test_") for text in BLOCKS.values()) >= 14
    for path in BLOCKS:
        place, _, name = path.partition("/")
        if place == "mylab":
            assert f"tests/test_{name}" in BLOCKS
            assert f"_target_: mylab.{name.removesuffix('.py')}." in "".join(BLOCKS.values())
        elif place == "conf":
            group, _, option = path.removeprefix("conf/").removesuffix(".yaml").rpartition("/")
            assert any(f"{group}={option}" in line for line in COMMANDS), path


@pytest.mark.parametrize("line", TRAIN)
def test_every_command_composes_and_passes_the_checks(work, line):
    check_config(config_of(search(work), *shlex.split(line)[2:]))


@pytest.fixture(scope="module")
def whole(work):
    """A run of the posterior, the prior, the latents, the objective, its schedule and callback."""
    chosen = (
        "model=my_vae",
        "data=my_data",
        "posterior=my_posterior",
        "prior=learned_normal",
        "latents=pair",
        "objective=budget",
        "objective.budget=2",
        "objective/schedule=cosine",
        "objective.schedule.steps=10",
        "callbacks=my_callbacks",
        "+callbacks.extra.mine={_target_: mylab.weight_norm.WeightNorm, every_n_epochs: 2}",
    )
    done = train(work, search(work), *chosen, *SHORT, "trainer.max_epochs=12", "name=whole")
    assert (done.returncode, done.stderr) == (0, "")
    (folder,) = work.glob("outputs/whole/*")
    return folder


def test_posterior_prior_objective_and_callback_train_together(whole):
    summary = json.loads((whole / "summary.json").read_text())
    assert summary["status"] == "finished"
    rows = list(csv.DictReader((whole / "metrics.csv").read_text().splitlines()))
    rates = [float(row["train/rate"]) for row in rows if row["train/rate"]]
    assert rates[-1] == pytest.approx(2.0, abs=0.3)  # the budget; without one it is above 4
    assert len([row for row in rows if row["train/weight_norm"]]) == 12
    assert all(float(row["train/excess"]) >= 0 for row in rows if row["train/excess"])


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_vael_evaluates_generates_and_exports_it(whole, mylab, tmp_path):
    done = invoke("evaluate", whole, "--samples", 10)
    assert done.exit_code == 0, done.output
    found = json.loads((whole / "evaluation.json").read_text())
    assert len(found["latents"]["spectrum"]["kl"]) == 3
    assert "in closed form, which this posterior does not" in "".join(found["warnings"])
    done = invoke("generate", whole, "samples", "--output", tmp_path / "samples.npz")
    assert done.exit_code == 0, done.output
    done = invoke("export", whole, "--output", tmp_path / "made", "--license", "apache-2.0")
    assert done.exit_code == 0, done.output


def test_a_checkpoint_alone_needs_allow(whole, mylab, tmp_path):
    file = tmp_path / "best.ckpt"
    file.write_bytes((whole / "checkpoints" / "best.ckpt").read_bytes())
    words = ("generate", file, "samples", "--output", tmp_path / "samples.npz")
    refused = invoke(*words)
    assert refused.exit_code != 0
    assert "allow its package by name: mylab" in str(refused.output) + str(refused.exception)
    done = invoke(*words, "--allow", "mylab")
    assert done.exit_code == 0, done.output
    with pytest.raises(CheckpointError, match="allow its package by name: mylab"):
        vael.load(whole)
    assert vael.load(whole, allow=["mylab"]).sample(3).shape == (3, 1, 8, 8)


@pytest.mark.slow
def test_a_sweep_varies_them(work):
    done = call(work, "-m", "vael.cli", "sweep", "sweeps/prior.yaml")
    assert done.returncode == 0, done.stderr
    (table,) = work.glob("outputs/sweeps/prior/trials.csv")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["params.prior"] for row in rows} == {"standard_normal", "learned_normal"}


def test_a_diagnostic_is_measured_and_described(monkeypatch, metric):
    row = eval(BLOCKS["src/vael/metrics/catalog.py"].split("\n", 1)[1], vars(catalog))
    names = dict(vars(diagnostics))
    exec(BLOCKS["src/vael/evaluation/diagnostics.py"], names)
    monkeypatch.setitem(catalog.METRICS, row.name, row)
    monkeypatch.setattr(diagnostics, "DIAGNOSTICS", {"latents.correlation": names["_correlation"]})
    means = torch.tensor([[0.0, 1.0], [1.0, -1.0], [2.0, -3.0]])
    seen = types.SimpleNamespace(q=types.SimpleNamespace(mean=means))
    found = diagnostics.diagnose(seen).sections
    assert found == {"latents": {"correlation": {"mean_abs": pytest.approx(1.0)}}}
    assert catalog.describe_metric("latents.correlation.mean_abs") is row
