"""Whatever vael trains, publishes or writes into evaluation.json is described in the catalogue."""

import json
import subprocess
import sys

import pytest
from helpers.runs import trained_run

from vael.errors import ConfigError
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.evaluation.verify import SECTIONS
from vael.metrics.catalog import METRICS, Target, describe_metric, find_metric, published_scores
from vael.runs.metrics_csv import read_rows
from vael.sweep.spec.sweep_file import find_direction

CIRCUMSTANCES = {"log_examples", "threshold"}  # floats that belong to a metric beside them


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on images with levels and labels, with everything logged."""
    folder = trained_run(
        tmp_path_factory.mktemp("catalog"), "data=digits", "trainer.log_every_n_steps=1"
    )
    evaluate_run(EvaluationRequest(folder, samples=3))
    return folder


def floats(node, path=""):
    """Names of all floats in nested mappings; whole numbers count something."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from floats(value, f"{path}.{name}" if path else name)
    elif isinstance(node, list):
        for value in node:
            yield from floats(value, path)
    elif isinstance(node, float):
        yield path


def test_every_column_of_a_run_has_a_row(run):
    columns = {name for row in read_rows(run / "metrics.csv").values() for name in row}
    columns |= json.loads((run / "summary.json").read_text())["metrics"].keys()
    columns -= {"epoch"}
    assert {"train/step_loss", "val/bpd", "test/psnr"} <= columns
    assert not [name for name in columns if find_metric(name) is None]


def test_a_search_may_take_what_an_epoch_publishes_and_nothing_else(run):
    columns = {name for row in read_rows(run / "metrics.csv").values() for name in row}
    published = {name for name in columns if name.startswith("val/")}
    others = {  # of data with missing values and of codes: tests/integration/train
        *("val/elbo_per_dim", "val/code_usage", "val/code_perplexity")
    }
    assert published | others == {f"val/{metric.name}" for metric in published_scores()}
    assert not published & others
    for metric in METRICS.values():
        name = f"val/{metric.name}"
        if name in published | others:
            assert find_direction(name) == metric.search
        else:
            with pytest.raises(ConfigError, match="is never logged"):
                find_direction(name)


def test_every_measured_number_of_an_evaluation_has_a_row(run):
    read = json.loads((run / "evaluation.json").read_text())
    names = {path for section in SECTIONS for path in floats(read.get(section, {}), section)}
    names = {name for name in names if name.rpartition(".")[2] not in CIRCUMSTANCES}
    assert {"bounds.3.bpd", "latents.spectrum.kl", "probe.linear_se"} <= names
    assert not [name for name in names if find_metric(name) is None]


def test_rows_have_names_of_their_own_and_say_what_they_are():
    titles = [metric.title for metric in METRICS.values()]
    assert len(set(titles)) == len(titles)
    for metric in METRICS.values():
        assert metric.meaning.endswith((".", "!"))
        assert metric.search or metric.name not in {m.name for m in published_scores()}
        if metric.better and metric.search:
            assert (metric.better == "lower") == (metric.search == "minimize")


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("bpd", "bpd"),
        ("test/bpd", "bpd"),
        ("bounds.100.bpd_se", "bpd"),
        ("quality.reconstruction.mse", "mse"),
        ("jackknife.nll", "jackknife.nll"),
        ("bounds.1.nll", "nll"),
        ("ess.min", "ess"),
        ("latents.spectrum.kl.3", "latents.spectrum.kl"),
    ],
)
def test_a_metric_is_found_wherever_it_stands(name, row):
    assert find_metric(name) is METRICS[row]


def test_an_unknown_name_stands_for_itself():
    assert find_metric("val/own") is None
    own = describe_metric("own")
    assert (own.title, own.unit, own.better, own.search) == ("own", "", "", None)


@pytest.mark.parametrize(("facts", "name", "mode", "best"), [
    ((17,), "val/bpd", "min", 1), ((None,), "val/elbo", "max", 2),
    ((17, False), "val/distortion", "min", 1), ((None, False), "val/distortion", "min", 1),
])  # fmt: skip
def test_the_target_knows_which_of_two_rows_is_better(facts, name, mode, best):
    target = Target.of(*facts)
    assert (target.name, target.mode) == (name, mode)
    rows = [{"epoch": 0, name: 2.0}, {"epoch": 1, name: 1.0}, {"epoch": 2, name: 3.0}]
    assert target.best(rows)["epoch"] == best
    assert target.best([*rows, {"epoch": 3, name: rows[best][name]}])["epoch"] == best


def test_the_catalogue_needs_no_torch():
    program = (
        "import sys, vael.metrics.catalog, vael.runs.summary; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
