"""The numbers of a run again out of its checkpoint: the same, or what is different."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.runs import QUICK, make_run
from sklearn.datasets import load_digits
from typer.testing import CliRunner

from vael.cli.main import app
from vael.cli.verify_text import verification_text
from vael.errors import CheckpointError, ConfigError
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.evaluation.verify import VerifiedNumber, verify_run
from vael.training.fit import train

SMALL = (
    *QUICK,
    "data=array",
    "data.levels=17",
    "data.binarize=stochastic",
    "trainer.max_epochs=2",
    "report=false",
)


def digits(path, change=0):
    """300 real digits; of the last ones, which are none to train on, a corner may be changed."""
    x = load_digits().images[:300].astype(np.uint8)
    x[-1, 0, 0] += change
    np.savez(path, x_train=x[:200], x_test=x[200:])
    return path


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A run, on data in a file."""
    parent = tmp_path_factory.mktemp("verify")
    folder = make_run(parent, *SMALL, f"data.path={digits(parent / 'digits.npz')}")
    train(folder)
    evaluate_run(EvaluationRequest(folder, samples=3))
    return folder


@pytest.fixture
def run(original, tmp_path):
    """A copy of it, to spoil."""
    return shutil.copytree(original, tmp_path / "run")


def rewrite(run, name, change):
    """Changes a JSON file."""
    read = json.loads((run / name).read_text())
    change(read)
    (run / name).write_text(json.dumps(read))


def off_by(name, relative):
    def change(summary):
        summary["metrics"][name] *= 1 + relative

    return change


def test_a_run_gives_its_numbers_again_to_the_bit(run):
    found = verify_run(run)
    assert found.same
    assert [(len(part.numbers), part.tolerance) for part in found.compared[:2]] == [(9, 1e-12)] * 2
    assert found.compared[2].what == "evaluation.json, test, k = 3"
    assert all(n.stored == n.now for part in found.compared for n in part.numbers)
    names = {n.name for n in found.compared[2].numbers}
    assert {
        "bounds.3.bpd",
        "scores.elbo",
        "ess.median",
        "latents.aggregate.mutual_information",
    } <= names
    assert found.changed == ()
    assert "train/*" in found.left_out[0]
    summary = json.loads((run / "summary.json").read_text())
    for part in found.compared[:2]:  # an independent reading of what was compared with
        for number in part.numbers:
            assert number.stored == summary["metrics"][number.name]


def test_the_threads_of_the_caller_are_left_as_they_were(run):
    rewrite(run, "summary.json", lambda s: s.update(threads=2))
    before = torch.get_num_threads()
    verify_run(run, max_seconds=0.0)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    "options",
    [
        ("trainer.precision=bf16",),
        ("callbacks.ema.decay=0.5",),
        ("likelihood=logistic", "likelihood.fit=density", "likelihood.scale=predicted"),
    ],
    ids=lambda o: o[0],
)
def test_so_does_one_of_another_kind(tmp_path, options):
    folder = make_run(tmp_path, *QUICK, *options, "trainer.max_epochs=1", "report=false")
    train(folder)
    found = verify_run(folder)
    assert all(n.difference == 0 for part in found.compared for n in part.numbers)
    assert len(found.compared) == 2


def test_a_number_that_was_changed_is_named(run):
    rewrite(run, "summary.json", off_by("test/bpd", 1e-9))
    done = CliRunner().invoke(app, ["verify", str(run)])
    assert done.exit_code == 1
    assert "test/* of summary.json, k = 5: 1 of 9 numbers are not within 1e-12" in done.stdout
    assert "  test/bpd: stored " in done.stdout
    assert "nothing that was recorded has changed" in done.stdout


def test_so_is_one_of_evaluation_json(run):
    def change(evaluation):
        evaluation["scores"]["rate"] += 1e-6

    rewrite(run, "evaluation.json", change)
    assert [n.name for n in verify_run(run).compared[2].wrong] == ["scores.rate"]


def test_a_weight_that_moved_is_found_and_the_checkpoint_named(run):
    path = run / "checkpoints" / "best.ckpt"
    loaded = torch.load(path, weights_only=True)
    bias = [v for n, v in loaded["state_dict"].items() if n.endswith("bias")][-1]
    bias[0] += 1e-5
    torch.save(loaded, path)
    text = verification_text(run, verify_run(run))
    assert "checkpoint_digest was" in text
    assert "differs: " in text


def test_data_that_moved_are_followed_and_data_that_changed_are_named(run, tmp_path):
    moved = digits(tmp_path / "moved here, 'ä'.npz")
    found = verify_run(run, [f"data.path={json.dumps(str(moved), ensure_ascii=False)}"])
    assert found.same
    assert found.changed == ()
    other = digits(tmp_path / "other.npz", change=16)
    found = verify_run(run, [f"data.path={other}"])
    assert not found.same
    assert [d.what for d in found.changed] == ["data_digest"]
    wrong = {n.name for part in found.compared for n in part.wrong}
    assert "test/bpd" in wrong  # the last test image
    assert not any(name.startswith("val/") for name in wrong)


def test_an_edited_config_is_told_in_the_terms_of_the_config(run):
    text = (run / "config.yaml").read_text()
    assert "split_seed: 0" in text
    (run / "config.yaml").write_text(text.replace("split_seed: 0", "split_seed: 1"))
    found = verify_run(run)
    assert not found.same
    assert [d.what.partition(" ")[0] for d in found.changed] == ["data.split_seed", "data_digest"]
    (run / "config.yaml").write_text(text.replace("latent_dim: 4", "latent_dim: 5"))
    with pytest.raises(CheckpointError, match=r"model\.latent_dim .* was 4, and is 5"):
        verify_run(run)


def test_elsewhere_the_tolerance_is_wider_and_what_differs_is_told(run):
    def elsewhere(summary):
        summary["machine"]["processor"] = "Z80"
        summary["versions"]["torch"] = "1.0"
        off_by("val/elbo", 1e-7)(summary)

    rewrite(run, "summary.json", elsewhere)
    found = verify_run(run)
    assert found.same
    text = verification_text(run, found)
    assert "torch was 1.0, and is " in text
    assert "processor was Z80" in text
    rewrite(run, "summary.json", off_by("val/elbo", 1e-3))
    assert not verify_run(run).same


def test_an_old_summary_has_not_recorded_everything(run):
    def old(summary):
        del summary["machine"], summary["checkpoint_digest"]

    rewrite(run, "summary.json", old)
    found = verify_run(run)
    assert found.same
    assert "processor was not recorded" in verification_text(run, found)


def test_what_takes_too_long_is_left_out_with_its_cost(run):
    rewrite(run, "evaluation.json", lambda e: e.update(seconds=3600.5))
    found = verify_run(run)
    assert len(found.compared) == 2
    assert "evaluation.json (test, k = 3): it took 3600 s; --max-seconds 3601" in found.left_out[1]


def test_what_cannot_be_verified_is_an_error_of_code_2(run, tmp_path):
    (run / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(CheckpointError, match=r"has no checkpoints/best\.ckpt"):
        verify_run(run)
    rewrite(run, "summary.json", lambda s: s.update(metrics={}, status="failed"))
    with pytest.raises(ConfigError, match="nothing to verify"):
        verify_run(run)
    with pytest.raises(ConfigError, match=r"has no summary\.json"):
        verify_run(tmp_path)
    assert {CheckpointError.exit_code, ConfigError.exit_code} == {2}


def test_the_difference_of_two_numbers():
    assert (
        VerifiedNumber("x", 2.0, 1.0).difference == VerifiedNumber("x", 1.0, 2.0).difference == 0.5
    )
    assert VerifiedNumber("x", 0.25, 0.5).difference == 0.25
    assert (
        VerifiedNumber("x", 0.0, 0.0).difference == VerifiedNumber("x", None, None).difference == 0
    )
    assert (
        VerifiedNumber("x", 0.0, 1e-9).difference == 1e-9
    )  # what should be 0 has no digits to keep
    assert VerifiedNumber("x", None, 1.0).difference == float("inf")


@pytest.mark.slow
def test_other_vector_instructions_are_another_machine(original):
    done = subprocess.run(
        [sys.executable, "-m", "vael.cli", "verify", str(original)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "instructions was" in done.stdout
    assert "9 numbers within 1e-05" in done.stdout


@pytest.mark.slow
def test_two_processes_are_verified_by_one(tmp_path):
    folder = make_run(
        tmp_path, *QUICK, "trainer.max_epochs=1", "trainer.devices=2", "report=false"
    )
    subprocess.run(
        [sys.executable, "-m", "vael.cli", "train", str(folder)],
        check=True,
        timeout=300,
        capture_output=True,
    )
    found = verify_run(folder)
    assert found.same
    assert found.compared[0].tolerance == 1e-12
