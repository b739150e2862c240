"""Trains a VAE: composes the config, checks it, makes the run's folder, and hands over.

python train.py model=conv_vae likelihood=gaussian objective.beta=4 trainer.devices=4
"""

from vael.distributed import signals

signals.block()  # signals wait for the run: what follows takes a while to import

import hydra  # noqa: E402
from omegaconf import DictConfig  # noqa: E402

from vael.training import launch  # noqa: E402


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> None:
    """One run, or one job of ``-m``."""
    launch.start(config)


if __name__ == "__main__":
    launch.guard(main)
