"""Studies that compose no configs."""

import pytest
from omegaconf import OmegaConf

from vael.sweep.spec import trial_config


@pytest.fixture
def light(monkeypatch):
    """Configs that hold what was chosen and nothing else: composing takes a third of a second."""

    def compose_trial(d, chosen, number, threads, series):
        return OmegaConf.from_dotlist([*chosen, f"number={number}", "seed=0", "choices={}"])

    monkeypatch.setattr(trial_config, "compose_trial", compose_trial)
