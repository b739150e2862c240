"""Hold and check the options of an evaluation."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch

from vael.data.source import Split
from vael.errors import ConfigError
from vael.runs.evaluation_file import FILE


@dataclass(frozen=True)
class EvaluationRequest:
    """The options of one evaluation.

    Attributes:
        path: a run's folder, or a checkpoint file.
        split: ``train | val | test``.
        samples: K, importance samples per example.
        device: ``auto | cpu | cuda``.
        devices: processes, each with a GPU of its own on ``cuda``.
        overrides: other data of the same shape: ``data=...``, ``data.path=...``.
        threads: CPU threads of each process. Sums over another number of threads round
            differently, and threads collapse where other work wants the cores: processes do not.
        allow: packages of the user's own that the config in a checkpoint file may name.
        factors: whether data that has no scores of known factors is refused before it is scored.
        against: settings of other data, ``data=...``: how well the scores tell it from one's own.
    """

    path: Path
    split: Split = "test"
    samples: int = 1000
    device: str = "auto"
    devices: int = 1
    overrides: tuple[str, ...] = ()
    threads: int = 1
    allow: tuple[str, ...] = ()
    factors: bool = False
    against: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse options that cannot work for any run.

        Raises:
            ConfigError: names the option.
        """
        if self.samples < 1:
            raise ConfigError(f"--samples must be at least 1, but got {self.samples}.")
        if self.split not in get_args(Split):
            raise ConfigError(
                f"--split must be one of {', '.join(get_args(Split))}, but got {self.split}."
            )
        if self.threads < 1:
            raise ConfigError(f"--threads must be at least 1, but got {self.threads}.")

    @property
    def output(self) -> Path:
        """``evaluation.json`` in the run's folder, or beside the checkpoint file."""
        return (self.path if self.path.is_dir() else self.path.parent) / FILE

    @property
    def command(self) -> str:
        """The command line that gives the same again."""
        words = ["vael", "evaluate", str(self.path), "--split", self.split]
        words += ["--samples", str(self.samples)]
        words += [] if self.device == "auto" else ["--device", self.device]
        words += [] if self.threads == 1 else ["--threads", str(self.threads)]
        words += ["--factors"] if self.factors else []
        words += [word for setting in self.against for word in ("--against", setting)]
        words += [word for package in self.allow for word in ("--allow", package)]
        return shlex.join([*words, *self.overrides])


def choose_device(device: str, devices: int) -> str:
    """Return ``cpu`` or ``cuda``; auto takes GPUs where there are any.

    Raises:
        ConfigError: an unknown device, or more than there are.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--device must be auto, cpu or cuda, but got {device}.")
    if devices < 1:
        raise ConfigError(f"--devices must be at least 1, but got {devices}.")
    gpus = torch.cuda.device_count()
    if device == "cuda" and gpus == 0:
        raise ConfigError(
            "--device cuda, but torch sees no GPU here: use --device cpu (or auto), "
            "or install torch with CUDA."
        )
    if device == "cpu" or gpus == 0:
        return "cpu"
    if devices > gpus:
        raise ConfigError(
            f"--devices {devices}, but this machine has {gpus} GPUs: use --devices "
            f"{gpus}, or --device cpu."
        )
    return "cuda"
