"""Write and read Lightning's checkpoints whole and safely."""

import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import CheckpointIO

from vael.files import write_bytes
from vael.runs.checkpoint import load_checkpoint


class SafeCheckpointIO(CheckpointIO):
    """Write by temporary file, fsync and rename; read with ``weights_only=True``."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint that is whole at any kill and on a full disk."""
        write_bytes(Path(path), lambda file: torch.save(checkpoint, file))

    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = None, weights_only: Any = None
    ) -> dict[str, Any]:
        """Read a checkpoint; nothing in it can run code."""
        return load_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)
