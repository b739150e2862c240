"""Commands on a GPU: evaluate on both devices, a search whose trials share the card, loggers."""

import json
from itertools import pairwise

import pytest
import torch
from helpers.gpu import CARD, PLAIN, captured, vael
from helpers.identical import read, rows
from helpers.runs import QUICK, make_run

from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.metrics import evidence
from vael.metrics.chunk_noise import GPU_SAMPLES_PER_KEY, ChunkNoise
from vael.randomness import Noise
from vael.sweep.study.study import Study

pytestmark = CARD


def test_evaluate_says_the_same_on_both_devices(tmp_path):
    """Other draws of z, so within 6 standard errors of the difference of two estimates.

    The error of an estimate of log p(x) from K weights is 1 / sqrt(ESS) or so; the mean over N
    examples divides it by sqrt(N).
    """
    folder = captured(tmp_path, "trainer.max_epochs=10")
    found = {
        device: evaluate_run(EvaluationRequest(folder, samples=200, device=device))
        for device in ("cuda", "cpu")
    }
    for result in found.values():
        assert result["num_examples"] > 50
    worst = max(1 / result["ess"]["mean"] ** 0.5 for result in found.values())
    error = worst * (2 / found["cpu"]["num_examples"]) ** 0.5
    nll = {device: result["bounds"]["200"]["nll"] for device, result in found.items()}
    assert abs(nll["cuda"] - nll["cpu"]) < 6 * error
    # what is not random is the same up to rounding
    rates = {device: result["scores"]["rate"] for device, result in found.items()}
    assert rates["cuda"] == pytest.approx(rates["cpu"], rel=1e-4)


def test_the_first_samples_are_the_same_however_many_there_are():
    """On a GPU many samples share a key."""
    x, noise = torch.zeros(7, 1, 8, 8, device="cuda"), Noise(3, "latent")
    few = ChunkNoise(noise, x, "test", 2).block(range(10), (4,))
    many = ChunkNoise(noise, x, "test", 2).block(range(3 * GPU_SAMPLES_PER_KEY), (4,))
    assert torch.equal(few, many[:10])
    assert len(many.unique()) > 0.999 * many.numel()  # float32: a few coincide


def test_the_size_of_a_pass_does_not_change_the_numbers(tmp_path, monkeypatch):
    """But for the order in which a product of matrices is summed."""
    folder = captured(tmp_path)
    nll = []
    for size in (evidence.FLOATS_PER_GPU_PASS, 2**20):
        monkeypatch.setattr(evidence, "FLOATS_PER_GPU_PASS", size)
        found = evaluate_run(EvaluationRequest(folder, samples=300, device="cuda"))
        nll.append(found["bounds"]["300"]["nll"])
    assert nll[0] == pytest.approx(nll[1], rel=1e-5)


def test_verify_agrees_on_the_gpu_and_off_it(tmp_path):
    folder = make_run(tmp_path, *QUICK, "trainer.capture=true", "report=false")
    for command in (("train", str(folder)), ("verify", str(folder))):
        done = vael(*command)
        assert done.returncode == 0, done.stdout + done.stderr


SEARCH = """\
name: search
trials: 4
confirm: 0
sampler: grid
pruner: null
overrides: [{overrides}, "output_dir={out}", \
"+callbacks.extra={{tight: {{_target_: helpers.gpu.Tight, mib: 1000}}}}"]
space:
  objective.num_samples: choice(1, 2, 3, 4000)
"""


def test_a_trial_without_memory_fails_alone_while_two_share_a_card(tmp_path):
    file = tmp_path / "search.yaml"
    overrides = [*QUICK, *PLAIN[:2]]
    file.write_text(SEARCH.format(overrides=", ".join(map(json.dumps, overrides)), out=tmp_path))
    done = vael("sweep", str(file), "--workers", "2", "--workers-per-device", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    study = Study.open(tmp_path / "sweeps" / "search")
    trials = study.rows()
    assert sorted(row.state for row in trials) == ["complete", "complete", "complete", "failed"]
    for row in trials:
        assert read(row.folder)["accelerator"] == "gpu"
        if row.state == "failed":
            assert row.params["objective.num_samples"] == 4000
            assert row.reason.startswith("out of memory")
        else:
            assert read(row.folder)["step"] == "captured"
    spans = sorted((row.started, row.ended) for row in trials)
    assert any(later < end for (_, end), (later, _) in pairwise(spans)), "never two at once"


def test_wandb_hears_what_metrics_csv_holds(tmp_path):
    with_csv = captured(tmp_path)
    folder = make_run(tmp_path / "wandb", *QUICK, *PLAIN, "trainer.capture=true", "logger=wandb")
    done = vael("train", str(folder), WANDB_MODE="offline")
    assert done.returncode == 0, done.stderr
    assert list(rows(folder)) == list(rows(with_csv))
    (offline,) = (folder / "wandb").glob("offline-run-*")
    (log,) = offline.glob("*.wandb")
    held = log.read_bytes()
    losses = [row["train/step_loss"] for row in rows(folder) if row["train/step_loss"]]
    assert len(losses) == 3  # of 15 steps each fourth
    for loss in losses:  # a JSON number, in full
        assert json.dumps(float(loss)).encode() in held


def test_generate_and_export_take_a_run_of_a_gpu(tmp_path):
    folder = captured(tmp_path)
    for command in (("generate", str(folder), "samples"), ("export", str(folder))):
        done = vael(*command)
        assert done.returncode == 0, done.stdout + done.stderr
