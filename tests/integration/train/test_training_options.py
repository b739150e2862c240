"""EMA, skipped steps, warm start, compile, bf16, accumulation."""

import json

import pytest
import torch
from helpers.runs import QUICK, make_run, trained_run

from vael.distributed.signals import Stopped
from vael.errors import CheckpointError, ConfigError
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.runs.folder import read_config
from vael.training.fit import train
from vael.training.setup import prepare_run


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def state(folder, name="best"):
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def test_ema_scores_and_keeps_the_average_of_the_weights(tmp_path):
    """The average is recomputed from the raw weights of every step."""
    keep = (
        f"+callbacks.extra.keep={{_target_: helpers.callbacks."
        f"KeepSteps, folder: {tmp_path}/steps}}"
    )
    folder = trained_run(tmp_path, "callbacks.ema.decay=0.9", keep, "trainer.max_epochs=2")
    assert summary(folder)["weights"] == "ema"
    steps = [torch.load(tmp_path / "steps" / f"{n}.pt") for n in range(1, 11)]
    name = next(n for n in steps[0] if n.endswith("weight"))
    mean = steps[0][name].double()
    for step in steps[1:]:
        mean = 0.9 * mean + 0.1 * step[name].double()
    torch.testing.assert_close(
        state(folder, "last")["state_dict"][name].double(), mean, rtol=1e-5, atol=1e-7
    )
    raw = state(folder, "last")["current_model_state"][name]
    assert torch.equal(raw, steps[-1][name])


def test_ema_tests_the_weights_that_it_has_validated(tmp_path):
    folder = trained_run(tmp_path, "callbacks.ema.decay=0.9", "trainer.max_epochs=2")
    again = evaluate_run(EvaluationRequest(folder, samples=summary(folder)["samples"]["test"]))
    tested = summary(folder)["metrics"]
    assert again["bounds"]["5"]["bpd"] == pytest.approx(tested["test/bpd"], rel=1e-12)
    assert again["scores"]["mse"] == pytest.approx(tested["test/mse"], rel=1e-12)


def test_ema_continues_as_if_never_stopped(tmp_path):
    kill = (
        "+callbacks.extra.kill={_target_: helpers.callbacks."
        "Kill, number: SIGTERM, where: batch, step: 7}"
    )
    whole = trained_run(tmp_path / "whole", "callbacks.ema.decay=0.9")
    stopped = make_run(tmp_path / "stopped", *QUICK, "callbacks.ema.decay=0.9", kill)
    with pytest.raises(Stopped):
        train(stopped)
    config = stopped / "config.yaml"
    config.write_text(config.read_text().replace("where: batch", "where: nowhere"))
    train(stopped)
    for part in ("state_dict", "current_model_state"):
        a, b = state(whole, "last")[part], state(stopped, "last")[part]
        assert all(torch.equal(a[name], b[name]) for name in a)
    assert summary(whole)["metrics"]["test/bpd"] == summary(stopped)["metrics"]["test/bpd"]


def test_a_step_with_too_large_a_gradient_changes_nothing_and_is_counted(tmp_path):
    folder = trained_run(tmp_path, "trainer.skip_gradient_above=1e-9", "trainer.max_epochs=1")
    assert summary(folder)["skipped_steps"] == summary(folder)["steps"] == 5
    other = trained_run(tmp_path, "trainer.skip_gradient_above=1e9", "trainer.max_epochs=1")
    assert summary(other)["skipped_steps"] == 0
    fresh = prepare_run(folder, read_config(folder)).lit.state_dict()
    kept, moved = state(folder)["state_dict"], state(other)["state_dict"]
    assert all(torch.equal(kept[name], fresh[name]) for name in fresh)
    assert any(not torch.equal(moved[name], fresh[name]) for name in fresh)


def test_a_warm_start_begins_with_the_other_runs_best_weights(tmp_path):
    first = trained_run(tmp_path)
    second = trained_run(
        tmp_path, f"init_from={first}", "optimizer.lr=1e-30", "trainer.max_epochs=1"
    )
    a, b = state(first)["state_dict"], state(second)["state_dict"]
    assert all(torch.equal(a[name], b[name]) for name in a)
    third = make_run(tmp_path, *QUICK, f"init_from={first}", "model.latent_dim=5")
    with pytest.raises(CheckpointError, match=r"best\.ckpt does not fit .* \(5,|\(10,|there and"):
        train(third)
    with pytest.raises(CheckpointError, match="is not a file"):
        train(make_run(tmp_path, *QUICK, "init_from=nowhere"))


def test_accumulated_pieces_give_the_step_of_the_whole_batch(tmp_path):
    """Same examples a step; only epsilon differs in shape, so the rate's share is silenced."""
    still = ("trainer.max_epochs=1", "optimizer.lr=1e-30")
    one = summary(trained_run(tmp_path, *still))
    four = summary(trained_run(tmp_path, *still, "trainer.accumulate_grad_batches=4"))
    assert one["steps"] == four["steps"]
    assert one["metrics"]["train/rate"] == pytest.approx(four["metrics"]["train/rate"], rel=1e-5)


def test_bf16_trains_close_to_float32_and_reduces_in_float32(tmp_path):
    full = summary(trained_run(tmp_path))["metrics"]
    half = summary(trained_run(tmp_path, "trainer.precision=bf16"))["metrics"]
    assert half["test/bpd"] == pytest.approx(full["test/bpd"], rel=0.03)
    assert half["test/bpd"] != full["test/bpd"]


def test_fp16_needs_a_gpu(tmp_path):
    with pytest.raises(ConfigError, match=r"trainer\.precision=16 needs a GPU"):
        train(make_run(tmp_path, *QUICK, "trainer.precision=16"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch compiles with warnings about its own parts
def test_a_compiled_loss_trains_alike_and_weights_keep_their_names(tmp_path):
    plain = trained_run(tmp_path, "trainer.max_epochs=1")
    compiled = trained_run(tmp_path, "trainer.max_epochs=1", "trainer.compile=true")
    assert state(plain)["state_dict"].keys() == state(compiled)["state_dict"].keys()
    assert summary(compiled)["compiled"]
    a, b = (summary(folder)["metrics"]["test/bpd"] for folder in (plain, compiled))
    assert a == pytest.approx(b, rel=1e-3)
