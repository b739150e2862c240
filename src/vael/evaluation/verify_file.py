"""Hold a run's claimed bound against a file of its examples, which another process reads back."""

import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vael.data.source import Split
from vael.errors import ConfigError, VaelError
from vael.pretrained.compress.compress import Compression, CompressRequest, compress_file
from vael.pretrained.compress.examples import read_examples
from vael.runs.summary import finite_number, read_summary
from vael.text import word_command

WITHIN = 0.005  # of the claim


@dataclass(frozen=True)
class FileVerification:
    """Hold what a file says of a claim.

    Attributes:
        split: of the run's data.
        made: the file.
        claim: -ELBO of summary.json, bits; None where the run was trained on a density.
        equal: examples that another process gave back to the last level.
    """

    split: Split
    made: Compression
    claim: float | None
    equal: int

    @property
    def bound(self) -> float:
        """What the words are held against, bits: the claim, or -ELBO as it is measured now."""
        return self.made.bound if self.claim is None else self.claim

    @property
    def excess(self) -> float:
        """What the words are longer than the bound, as a share of it, without initial bits."""
        return (self.made.words - self.made.initial) / self.bound - 1

    @property
    def same(self) -> bool:
        """Whether all examples came back, and the words are as long as the bound says."""
        return self.equal == self.made.count and abs(self.excess) <= WITHIN


def verify_by_file(folder: Path, overrides: Sequence[str] = ()) -> FileVerification:
    """Compress a run's test split, read it back in a new process, and weigh the file.

    Args:
        folder: of a run that has finished.
        overrides: where the data is now: ``data.path=...``.

    Raises:
        ConfigError: no run, no numbers, or a model that cannot compress.
        VaelError: the other process did not read the file.
    """
    summary = read_summary(folder)
    metrics = {} if summary is None else summary["metrics"]
    splits: tuple[Split, ...] = ("test", "val")
    split = next((s for s in splits if finite_number(metrics.get(f"{s}/elbo")) is not None), None)
    if summary is None or split is None:
        raise ConfigError(
            f"{folder} has no summary.json with test/elbo or val/elbo, so there is no claim to "
            f"hold a file against: train it first ({word_command('vael', 'train', folder)})."
        )
    with tempfile.TemporaryDirectory() as place:
        file, back = Path(place) / "examples.vael", Path(place) / "examples.npy"
        given = tuple(overrides)
        made = compress_file(CompressRequest(folder, split, file, overrides=given))
        _decompress(file, back, folder)
        k = read_examples(folder, split, given, (), "best").k
        found = np.load(back).reshape(k.shape)
        equal = int((found == k).all(1).sum())
    elbo = float(metrics[f"{split}/elbo"])
    claim = -elbo * made.count / math.log(2) if summary["fit"] == "mass" else None
    return FileVerification(split, made, claim, equal)


def _decompress(file: Path, target: Path, folder: Path) -> None:
    """Read a file in a new process."""
    command = [sys.executable, "-m", "vael.cli", "decompress", str(file), "-o", str(target)]
    done = subprocess.run([*command, "--run", str(folder)], stdout=subprocess.DEVNULL)
    if done.returncode:
        raise VaelError(f"another process could not read the file (exit code {done.returncode}).")
