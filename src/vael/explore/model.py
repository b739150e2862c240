"""Floor 10: which model of a run is explored, and with which of its data."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import torch

from vael.data.source import Split
from vael.errors import ConfigError
from vael.explore.session import Session
from vael.pretrained.scoring import Part
from vael.pretrained.trained import load_trained
from vael.status import unfinished


def load(
    path: Path,
    overrides: Sequence[str] = (),
    checkpoint: str = "best",
    split: str | None = None,
    examples: int = 10_000,
    allow: Sequence[str] = (),
) -> Session:
    """The model with its encoded examples, one thread.

    Args:
        path: a run's folder, or a checkpoint file.
        overrides: of the data.
        checkpoint: of a folder, ``best`` or ``last``.
        split: of the map; None: test, or val where the run leaves the test data out.
        examples: on the map at most.
        allow: packages that a file's config may name.

    Raises:
        ConfigError: no run, an unknown split, or data that do not fit.
        CheckpointError: no checkpoint that can be used; says what there is.
    """
    if split is not None and split not in get_args(Split):
        raise ConfigError(f"--split must be one of {', '.join(get_args(Split))}, but got {split}.")
    if checkpoint not in ("best", "last"):
        raise ConfigError(f"--checkpoint must be best or last, but got {checkpoint}.")
    if path.is_dir() and not (path / "config.yaml").is_file():
        raise ConfigError(
            f"{path} is not a run: it has no config.yaml. Runs are made by python train.py."
        )
    # A single latent is decoded by a single thread fastest: nothing waits for the other.
    torch.set_num_threads(1)
    trained = load_trained(path, overrides, allow, checkpoint)
    if split is None:
        split = "test" if trained.config.evaluation.get("test", True) else "val"
    part = Part(split, examples)  # type: ignore[arg-type]
    return Session(trained, part, unfinished(path) or "")
