"""What an objective has learned: saved, continued to the bit, and never taken from another run."""

import pytest
import torch
from helpers.identical import assert_same, weights
from helpers.runs import make_run
from helpers.steps import SMALL, left_by

from vael.distributed.signals import Stopped
from vael.training.fit import train

GECO = (
    *("objective=geco", "objective._target_=helpers.schedules.StoppedGeco"),
    *("objective.kappa=0.2", "objective.speed=0.1", "callbacks.ema.decay=0.9"),
)


@pytest.mark.parametrize("step", [2, 10, 15])
def test_stopped_and_continued_its_multiplier_is_the_same_to_the_bit(tmp_path, step):
    whole = make_run(tmp_path / "whole", *SMALL, *GECO, "+objective.step=-1")
    train(whole)
    cut = make_run(tmp_path / "cut", *SMALL, *GECO, f"+objective.step={step}")
    with pytest.raises(Stopped):
        train(cut)
    config = cut / "config.yaml"
    config.write_text(config.read_text().replace(f"step: {step}\n", "step: -1\n"))
    train(cut)
    assert_same(left_by(cut), left_by(whole))
    states = weights(whole)["current_model_state"]
    assert 0 < abs(states["objective.log_beta"].item()) <= 22 * 0.1


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
