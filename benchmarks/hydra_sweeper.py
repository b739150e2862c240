"""The search of benchmarks/sweep.py by hydra-optuna-sweeper: one job trains in its own process.

Run by benchmarks/sweep.py with the Python of an environment that has hydra-optuna-sweeper and
hydra-joblib-launcher beside vael.
"""

import json
import shlex
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from vael.config.compose import resolve_config
from vael.runs import creation


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def main(config: DictConfig) -> float:
    """One trial: trains what vael trains, and returns what vael ranks by."""
    from vael.training.fit import train

    with open_dict(config):
        config.pop("hydra", None)
    plain = resolve_config(config, dict(HydraConfig.get().runtime.choices), shlex.join(sys.argv))
    run = creation.make_run_folder(plain)
    train(run)
    return float(json.loads((run / "summary.json").read_text())["metrics"]["val/bpd"])


if __name__ == "__main__":
    main()
