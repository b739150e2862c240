"""Snapshot of a sweep in ``sweep.yaml``: all that a worker must know, and no password."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from vael.config.yaml import read_yaml
from vael.errors import ConfigError
from vael.files import write_text
from vael.sweep.spec.definition import Definition
from vael.sweep.spec.sweep_file import parse_sweep

SNAPSHOT = "sweep.yaml"


@dataclass(frozen=True)
class Snapshot:
    """Snapshot of a sweep that has been started.

    Attributes:
        definition: as it is now; ``storage`` is without its password.
        id: of the study; one of the same name in a shared storage has another.
        digest: of what its numbers depend on.
        code: the version that it was started with, or last continued by ``--force``.
        samples: k of ``val/bpd``: numbers of another k are not compared.
        threads: CPU threads of each process of a trial; None: as the run finds best.
        epochs: ``trainer.max_epochs`` of the default configuration.
        default: what trial 0 tries: the config's own values; None where they lie outside.
        started: when the sweep was last started, in seconds since the epoch.
    """

    definition: Definition
    id: str
    digest: str
    code: dict[str, str]
    samples: int
    threads: int | None
    epochs: int
    default: dict[str, Any] | None
    started: float

    def write(self, folder: Path) -> None:
        """Write sweep.yaml atomically."""
        plain = {k: v for k, v in vars(self).items() if k != "definition"}
        both = {**self.definition.to_dict(), "study": plain}
        write_text(folder / SNAPSHOT, OmegaConf.to_yaml(OmegaConf.create(both)))


def read_snapshot(folder: Path) -> Snapshot:
    """Read the snapshot of a sweep's folder.

    Raises:
        ConfigError: it is no sweep's.
    """
    path = folder / SNAPSHOT
    if not path.is_file():
        raise ConfigError(f"{folder} is no sweep: it has no {SNAPSHOT}.")
    try:
        plain = OmegaConf.to_container(read_yaml(path))
        assert isinstance(plain, dict)
        study = plain.pop("study")
        return Snapshot(definition=parse_sweep({str(k): v for k, v in plain.items()}), **study)
    except (ConfigError, OSError):
        raise
    except Exception as error:  # yaml and OmegaConf have no common base
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}") from error


def compute_digest(definition: Definition) -> str:
    """Compute a digest of the fields on which numbers depend."""
    text = json.dumps(definition.comparable_fields(), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
