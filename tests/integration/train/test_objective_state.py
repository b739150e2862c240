"""What an objective has learned: saved, continued to the bit, and never taken from another run."""

import math

import pytest
import torch
from helpers.identical import assert_same, weights
from helpers.runs import make_run
from helpers.steps import SMALL, STEPS, left_by

from vael.distributed.signals import Stopped
from vael.runs.folder import RunFolder
from vael.runs.metrics_csv import read_cells
from vael.training.fit import train

GECO = (
    *("objective=geco", "objective._target_=helpers.schedules.StoppedGeco"),
    *("objective.kappa=0.2", "objective.speed=0.1", "callbacks.ema.decay=0.9"),
)
FACTOR = (
    *("objective=factor_vae", "objective._target_=helpers.schedules.StoppedFactorVae"),
    *("objective.width=16", "objective.lr=1e-3"),
)


def stop_and_continue(parent, step, options):
    """A run in one piece, and one that was stopped at a step and went on; they are the same."""
    whole = make_run(parent / "whole", *SMALL, *options, "+objective.step=-1")
    train(whole)
    cut = make_run(parent / "cut", *SMALL, *options, f"+objective.step={step}")
    with pytest.raises(Stopped):
        train(cut)
    config = cut / "config.yaml"
    config.write_text(config.read_text().replace(f"step: {step}\n", "step: -1\n"))
    train(cut)
    assert_same(left_by(cut), left_by(whole))
    return whole


@pytest.mark.parametrize("step", [2, 10, 15])
def test_stopped_and_continued_its_multiplier_is_the_same_to_the_bit(tmp_path, step):
    states = weights(stop_and_continue(tmp_path, step, GECO))["current_model_state"]
    assert 0 < abs(states["objective.log_beta"].item()) <= 22 * 0.1


@pytest.mark.parametrize("mode", ["1", "null"])
def test_stopped_and_continued_a_discriminator_is_the_same_to_the_bit(tmp_path, mode):
    whole = stop_and_continue(tmp_path, 15, (*FACTOR, f"trainer.group={mode}"))
    saved = weights(whole)
    (optimizer,) = saved["optimizer_states"]
    own = optimizer["param_groups"][1]
    assert (own["lr"], list(own["betas"])) == (1e-3, [0.5, 0.9])
    assert len(own["params"]) == 8  # 3 hidden layers and the last, weights and biases
    assert all(optimizer["state"][n]["step"] == 22 for n in own["params"])
    names = [name for name in saved["state_dict"] if name.startswith("objective.discriminator.")]
    assert len(names) == 8


def test_a_discriminator_starts_from_the_seed_of_weights(tmp_path):
    """Another one of the stream ``init`` starts it otherwise, another ``latent`` does not."""
    still = ("objective=factor_vae", "optimizer.lr=1e-12", "objective.lr=1e-12")
    found = {}
    for stream in ("init", "latent", "none"):
        more = () if stream == "none" else (f"seeds.{stream}=7",)
        folder = make_run(tmp_path / stream, *SMALL, *still, *more)
        train(folder)
        found[stream] = weights(folder)["state_dict"]["objective.discriminator.net.0.weight"]
    torch.testing.assert_close(found["latent"], found["none"], rtol=0, atol=1e-6)
    assert (found["init"] - found["none"]).abs().max() > 0.01


def test_the_weight_of_the_rate_that_is_logged_is_the_one_that_it_has_learned(tmp_path):
    """An error far above kappa^2 takes a whole speed off log beta at each batch."""
    speed = 0.1
    folder = make_run(
        tmp_path, *SMALL, "objective=geco", "objective.kappa=1e-3", "objective.speed=0.1"
    )
    train(folder)
    for epoch, beta in enumerate(epoch_means(folder, "train/beta")):
        steps = range(STEPS * epoch, STEPS * (epoch + 1))
        mean = sum(math.exp(-speed * step) for step in steps) / STEPS
        assert beta == pytest.approx(mean, rel=1e-5)
    assert all(row["train/beta"] == "" for row in rows_between(folder))


def test_an_objective_without_a_weight_of_the_rate_logs_none(tmp_path):
    folder = make_run(tmp_path, *SMALL, "objective=bound", "objective.k=2", "trainer.max_epochs=1")
    train(folder)
    assert not {"train/beta", "train/beta_norm"} & read_cells(RunFolder(folder).metrics)[0].keys()


def rows_between(folder):
    """The rows of single steps, between the ends of epochs."""
    return [row for row in read_cells(RunFolder(folder).metrics) if not row["train/loss"]]


def epoch_means(folder, name):
    """A metric at the end of each epoch."""
    rows = read_cells(RunFolder(folder).metrics)
    return [float(row[name]) for row in rows if row["train/loss"]]


def test_init_from_takes_the_model_alone(tmp_path):
    """From a run of another objective, and from one of its own: its multiplier begins anew."""
    elbo = make_run(tmp_path / "elbo", *SMALL)
    train(elbo)
    geco = make_run(tmp_path / "geco", *SMALL, "objective=geco", f"init_from={elbo}")
    train(geco)
    assert weights(geco)["state_dict"]["objective.log_beta"].isfinite()
    still = ("optimizer.lr=1e-12", "trainer.max_epochs=1", f"init_from={geco}")
    back = make_run(tmp_path / "back", *SMALL, *still)
    train(back)
    then, now = (weights(one, "best" if one == geco else "last") for one in (geco, back))
    assert "objective.log_beta" not in now["state_dict"]
    for name, value in now["state_dict"].items():
        torch.testing.assert_close(value, then["state_dict"][name], rtol=0, atol=1e-6)
