"""Floor 10: ``sweep.yaml``: everything that a worker must know, and no password."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from vael.config.yaml import read_yaml
from vael.errors import ConfigError
from vael.files import write_text
from vael.sweep.definition import Definition
from vael.sweep.sweep_file import parse

NAME = "sweep.yaml"


@dataclass(frozen=True)
class Frozen:
    """A sweep that has been started.

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
        """Whole."""
        plain = {k: v for k, v in vars(self).items() if k != "definition"}
        both = {**self.definition.container(), "study": plain}
        write_text(folder / NAME, OmegaConf.to_yaml(OmegaConf.create(both)))


def read(folder: Path) -> Frozen:
    """The sweep of a folder.

    Raises:
        ConfigError: it is no sweep's.
    """
    path = folder / NAME
    if not path.is_file():
        raise ConfigError(f"{folder} is no sweep: it has no {NAME}.")
    try:
        plain = OmegaConf.to_container(read_yaml(path))
        assert isinstance(plain, dict)
        study = plain.pop("study")
        return Frozen(definition=parse({str(k): v for k, v in plain.items()}), **study)
    except (ConfigError, OSError):
        raise
    except Exception as error:  # yaml and OmegaConf have no common base
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}") from error


def digest(definition: Definition) -> str:
    """Of what the numbers depend on."""
    text = json.dumps(definition.meaning(), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
