"""Compose configs, make run folders, train small runs."""

import hashlib
from pathlib import Path

from omegaconf import DictConfig

from vael.config.compose import compose_config
from vael.runs import creation

ROOT = Path(__file__).parents[2]


QUICK = (
    "logger=csv",
    "trainer.max_epochs=3",
    "data.limit=400",
    "data.batch_size=64",
    "model=mlp_vae",
    "model.latent_dim=4",
    "evaluation.test_samples=5",
    "callbacks.pictures.num_examples=50",
)


def config_of(*overrides: str) -> DictConfig:
    """The resolved config of these overrides, as train.py would write it."""
    return compose_config(overrides)


def make_run(parent: Path, *overrides: str) -> Path:
    """A run's folder with nothing but its config."""
    return creation.make_run_folder(config_of(f"output_dir={parent}", *overrides))


def said(text: str) -> list[str]:
    """The lines of a process, without the hint that there are fewer cores than processes."""
    return [line for line in text.splitlines() if "which take turns on" not in line]


def trained_run(parent: Path, *overrides: str) -> Path:
    """A small run that has been trained in this process, without a report unless asked for."""
    from vael.training.fit import train

    folder = make_run(parent, *QUICK, "report=false", *overrides)
    train(folder)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """A digest of every file below."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
