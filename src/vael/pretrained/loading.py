"""Load a trained model without the data that it was trained on."""

from collections.abc import Sequence
from pathlib import Path

import torch
from omegaconf import DictConfig

from vael.config.build import build_seeds, build_vae
from vael.data.preprocess import Preprocess
from vael.pretrained.model import Model
from vael.pretrained.trained import choose_config, read_stored_config, take_moments, take_weights
from vael.runs.checkpoint import ModelFile, read_model_file
from vael.runs.listing import resolve_run


def load_model(
    path: str | Path,
    *,
    allow: Sequence[str] = (),
    checkpoint: str = "best",
    device: str | torch.device = "cpu",
) -> Model:
    """Load a trained model out of a run's folder or a checkpoint; the data set is not needed.

    Nothing in the file can run code: it holds tensors and plain values, and its config may only
    name parts of vael itself, or of packages in ``allow``.

    Args:
        path: a run's folder, ``latest``, or a checkpoint file.
        allow: packages of your own that the config may name, ``["mylab"]``.
        checkpoint: of a folder, ``best`` or ``last``.
        device: where to compute.

    Raises:
        CheckpointError: nothing to load, or a file that is damaged, foreign or not trusted.
        ConfigError: its config cannot be built.
    """
    stored = read_model_file(resolve_run(Path(path)), checkpoint)
    return _assemble(stored, read_stored_config(stored, allow)).to(device)


def open_model(path: Path, allow: Sequence[str], which: str) -> Model:
    """Load a model for the command line, which runs what a run's own config.yaml names."""
    stored = read_model_file(path, which)
    return _assemble(stored, choose_config(path, stored, allow))


def _assemble(stored: ModelFile, config: DictConfig) -> Model:
    spec = stored.spec
    vae = build_vae(config, spec, build_seeds(config))
    take_weights(vae, stored, "the model of its own config", "It is damaged: get it again.")
    preprocess = Preprocess(config.data.binarize, spec.raw_levels)
    take_moments(preprocess, stored.state)
    vae.eval().requires_grad_(False)
    return Model(vae, preprocess, spec, config, stored.file, torch.device("cpu"))
