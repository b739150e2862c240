"""Floor 8: checkpoints of tensors and plain containers only, written whole, read safely."""

import os
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import CheckpointIO
from torch import Tensor

from vael.errors import CheckpointError
from vael.files import write_bytes


class SafeCheckpointIO(CheckpointIO):
    """Temporary file, fsync and rename on writing; ``weights_only=True`` on reading."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | os.PathLike[str],
        storage_options: Any | None = None,
    ) -> None:
        """Writes a checkpoint that is whole at any kill and on a full disk."""
        write_bytes(Path(path), lambda file: torch.save(checkpoint, file))

    def load_checkpoint(
        self,
        path: str | os.PathLike[str],
        map_location: Any | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Reads a checkpoint; nothing in it can run code."""
        return load(Path(path))

    def remove_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Deletes a checkpoint."""
        Path(path).unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """Reads a vael checkpoint onto the CPU.

    Raises:
        CheckpointError: missing, truncated, not a checkpoint of vael, or carrying pickled objects.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is not a file: give a run's checkpoints/best.ckpt.")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # refused below anyway
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if zipfile.is_zipfile(path):
            raise CheckpointError(
                f"{path} carries pickled Python objects, which could run code: it was not loaded. "
                "vael's own checkpoints hold tensors and plain containers only."
            ) from error
        raise CheckpointError(_damaged(path)) from error
    except Exception as error:  # a hostile file reaches every error of torch's reader
        raise CheckpointError(_damaged(path)) from error
    if not isinstance(loaded, dict) or not {"state_dict", "config"} <= loaded.keys():
        raise CheckpointError(
            f"{path} is a torch file, but not a checkpoint of vael: it has no "
            "state_dict and config."
        )
    return loaded


def check_fits(
    path: Path, loaded: Mapping[str, Tensor], wanted: Mapping[str, Tensor], whose: str, remedy: str
) -> None:
    """Refuses weights of other names or shapes than a model has.

    Raises:
        CheckpointError: names the first tensor that differs, of ``whose`` model, and the remedy.
    """
    there = {name: tuple(value.shape) for name, value in loaded.items()}
    here = {name: tuple(value.shape) for name, value in wanted.items()}
    differing = sorted(n for n in there.keys() | here.keys() if there.get(n) != here.get(n))
    if differing:
        name = differing[0]
        raise CheckpointError(
            f"{path} does not fit {whose}: {len(differing)} of {len(there | here)} tensors "
            f"differ, {name} is {there.get(name)} there and {here.get(name)} here. {remedy}"
        )


def _damaged(path: Path) -> str:
    return (
        f"{path} cannot be read as a checkpoint: it is truncated, damaged or of another "
        "kind. Delete it to start anew, or continue from another one."
    )
