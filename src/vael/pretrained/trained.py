"""Load a trained model from its checkpoint, with the data that it is scored on."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from vael.config.build import build_data, build_seeds, build_vae
from vael.config.compose import compose_config
from vael.config.validate import check_config
from vael.data.module import VaelData
from vael.data.preprocess import Preprocess
from vael.errors import ConfigError
from vael.models.vae import VAE
from vael.randomness import Seeds
from vael.runs.checkpoint import ModelFile, check_fits, read_model_file
from vael.runs.folder import RunFolder, read_config
from vael.runs.trust import check_trusted
from vael.types import DataSpec

KEPT = ("binarize", "image_size", "split_seed", "cache_dir")
"""Settings of the run's data that hold for another data set too, unless they are given."""


@dataclass(frozen=True)
class Trained:
    """A trained model with the data that it is scored on.

    Attributes:
        checkpoint: the file that its weights come from.
        config: the run's, with the data that it is scored on.
        data: prepared.
        vae: in evaluation mode, without gradients, on the CPU.
        preprocess: from raw batches to what the model was trained to see: the columns of a table
            are standardised by the training data of the *run*, whatever the data is now.
        other_data: whether the data is not what the run names.
        units: key of that standardisation where it is not the data's own, else empty: densities
            in other units are other numbers.
    """

    checkpoint: Path
    config: DictConfig
    data: VaelData
    vae: VAE
    preprocess: Preprocess
    other_data: bool
    units: str = ""

    @property
    def spec(self) -> DataSpec:
        """Description of the data."""
        return self.data.spec

    @property
    def seeds(self) -> Seeds:
        """Seeds of the run's streams."""
        return build_seeds(self.config)


def load_trained(
    path: Path, overrides: Sequence[str] = (), allow: Sequence[str] = (), which: str = "best"
) -> Trained:
    """Load the model of a run's folder or of a checkpoint file, with its data.

    What the config of a folder names is run, as ``vael train`` runs it; what that of a file
    names, only if it is vael's own or allowed: see `vael.runs.trust`.

    Args:
        path: the folder (its best checkpoint is taken) or the file (it holds its config).
        overrides: ``data=...``, ``data.path=...``: other data of the same shape.
        allow: packages of the user's own that the config in a file may name.
        which: checkpoint of the folder, ``best`` or ``last``.

    Raises:
        CheckpointError: no checkpoint, one that does not fit the data, or one that is not trusted.
        ConfigError: a config or override that cannot work.
        DataError: the data cannot be read.
    """
    stored = read_model_file(path, which)
    config = choose_config(path, stored, allow)
    if overrides:
        config = OmegaConf.merge(config)  # type: ignore[assignment]
        config.data = compose_other_data(config, overrides)
        if not RunFolder(path).has_trained:
            plain = OmegaConf.to_container(config)
            check_trusted(plain, allow, stored.file)  # type: ignore[arg-type]
    seeds = build_seeds(config)
    data = build_data(config, seeds, path, stored.spec.context)
    data.prepare()
    vae = build_vae(config, data.spec, seeds)
    remedy = "Give data of the shape that it was trained on."
    take_weights(vae, stored, f"data of shape {data.spec.event_shape}", remedy)
    units = take_moments(data.preprocess, stored.state)
    vae.eval().requires_grad_(False)
    return Trained(stored.file, config, data, vae, data.preprocess, bool(overrides), units)


def choose_config(path: Path, stored: ModelFile, allow: Sequence[str]) -> DictConfig:
    """Return the config of a stored model: a run's own config.yaml, else that in the file.

    Raises:
        CheckpointError: a file's config names code that is neither vael's own nor allowed.
        ConfigError: a setting that cannot be.
    """
    return read_config(path) if RunFolder(path).has_trained else read_stored_config(stored, allow)


def read_stored_config(stored: ModelFile, allow: Sequence[str]) -> DictConfig:
    """Return the config that a file holds, checked.

    Raises:
        CheckpointError: it names code that is neither vael's own nor allowed.
        ConfigError: a setting that cannot be.
    """
    check_trusted(stored.config, allow, stored.file)
    config: DictConfig = OmegaConf.create(stored.config)
    check_config(config)
    return config


def compose_other_data(config: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """Compose the data section of a config with overrides, as ``vael train`` would.

    Without ``data=`` it is the run's data set with some other settings.

    Raises:
        ConfigError: an override that is not about the data, or that cannot be composed.
    """
    for override in overrides:
        if not re.match(r"[+~]{0,2}data(\.[^=]+)?(=|$)", override):
            raise ConfigError(
                f"only the data can be another one in an evaluation (data=..., "
                f"data.path=...), but got {override!r}."
            )
    another = any(override.startswith("data=") for override in overrides)
    names = KEPT if another else tuple(str(n) for n in config.data if n != "source")
    base = [] if another else [f"data={config.get('choices', {}).get('data')}"]
    base += [
        f"++data.{name}={_as_override(config.data[name])}" for name in names if name in config.data
    ]
    # the batch of the training is no matter here, and must not be too large for a small data set
    composed: DictConfig = compose_config([*base, *overrides, "data.batch_size=1"]).data
    return composed


def _as_override(value: object) -> str:
    plain = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    return json.dumps(plain, ensure_ascii=False)


def take_weights(vae: VAE, stored: ModelFile, whose: str, remedy: str) -> None:
    """Put the stored weights into a model.

    Raises:
        CheckpointError: they are of other names or shapes.
    """
    prefix = "vae."
    weights = {n.removeprefix(prefix): v for n, v in stored.state.items() if n.startswith(prefix)}
    check_fits(stored.file, weights, vae.state_dict(), whose, remedy)
    vae.load_state_dict(weights)


def take_moments(preprocess: Preprocess, state: Mapping[str, Tensor]) -> str:
    """Take the run's moments; return their key where they are not the data's, else nothing."""
    found, same = hashlib.blake2b(digest_size=8), True
    for name in ("shift", "scale", "fill"):
        kept, own = state.get(f"preprocess.{name}"), getattr(preprocess, name)
        if kept is not None:
            # Not to the last bit: an EMA averages them too.
            same &= own is None or torch.allclose(kept, own, rtol=1e-4)
            found.update(kept.numpy().tobytes())
            setattr(preprocess, name, torch.clone(kept))
    return "" if same else found.hexdigest()
