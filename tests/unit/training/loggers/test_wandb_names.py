"""What a wandb run is called."""

from pathlib import Path

from vael.training.loggers.wandb import _name


def test_a_trial_has_its_study_and_number_and_another_run_its_folder():
    trial = {"sweep.name": "size", "sweep.trial": 3, "sweep.confirmation": None}
    assert _name(Path("o/sweeps/size/trials/0003"), trial) == "size/trial-0003"
    assert _name(Path("c/0001"), {**trial, "sweep.trial": None, "sweep.confirmation": 1}) == (
        "size/confirmation-0001"
    )
    alone = {"sweep.name": None, "sweep.trial": None}
    assert _name(Path("outputs/digits-conv_vae/2026"), alone) == "digits-conv_vae/2026"
