"""Export a trained model: a folder with its weights or graphs, its config and its card."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from omegaconf import OmegaConf
from safetensors.torch import save

from vael.errors import ConfigError, VaelError
from vael.pretrained.export import onnx
from vael.pretrained.export.card import card_text
from vael.pretrained.loading import open_model
from vael.pretrained.model import Model
from vael.runs.checkpoint import FORMAT, HEADER, WEIGHTS
from vael.runs.summary import read_summary

MARKS = (WEIGHTS, "encoder.onnx")  # each export has one of them

Made = tuple[dict[str, bytes], dict[str, float]]
"""Contents of files by name; differences of ONNX graphs from torch by name."""


def encode_safetensors(model: Model) -> bytes:
    """Encode all of a model as ``model.safetensors``, which `vael.load` reads.

    Its config and what its data was stand as JSON in the header's ``vael``; the same model gives
    the same bytes.
    """
    state = {f"vae.{name}": value for name, value in model.vae.state_dict().items()}
    state |= {f"preprocess.{name}": value for name, value in model.preprocess.state_dict().items()}
    config = OmegaConf.to_container(model.config)
    header = {"format": FORMAT, "config": config, "data": asdict(model.spec)}
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    content: bytes = save(plain, {HEADER: json.dumps(header)})
    return content


def _export_safetensors(model: Model) -> Made:
    return {WEIGHTS: encode_safetensors(model)}, {}


def _export_onnx(model: Model) -> Made:
    made = {"encoder": onnx.export_encoder(model), "decoder": onnx.export_decoder(model)}
    differences = {name: graph.difference for name, graph in made.items()}
    return {f"{name}.onnx": graph.content for name, graph in made.items()}, differences


FORMATS = {"safetensors": _export_safetensors, "onnx": _export_onnx}


def export_model(
    path: Path,
    form: str = "safetensors",
    output: Path | None = None,
    license_name: str = "unknown",
    checkpoint: str = "best",
    allow: tuple[str, ...] = (),
    force: bool = False,
) -> Path:
    """Write a folder with the model, its config and its card, whole; return its path.

    Args:
        path: a run's folder, a checkpoint or an export.
        form: one of `FORMATS`.
        output: the folder; None: ``RUN/export/FORMAT``.
        license_name: of the weights.
        checkpoint: of a run's folder, ``best`` or ``last``.
        allow: packages that the config in a file may name.
        force: whether to replace an earlier export.

    Raises:
        ConfigError: a bad option, or something is in the way.
        CheckpointError: there is no trained model.
        VaelError: the model cannot be expressed in ONNX, or the folder cannot be written.
    """
    if form not in FORMATS:
        raise ConfigError(f"--format must be one of {', '.join(FORMATS)}, but got {form}.")
    if checkpoint not in ("best", "last"):
        raise ConfigError(f"--checkpoint must be one of best, last, but got {checkpoint}.")
    folder = path if path.is_dir() else path.parent
    target = output or folder / "export" / form
    check_target(target, force)
    model = open_model(path, allow, checkpoint)
    files, differences = FORMATS[form](model)
    summary = read_summary(path) if path.is_dir() else None
    text = card_text(model, summary, license_name, differences)
    config = OmegaConf.to_yaml(model.config)
    write_folder(target, {**files, "config.yaml": config.encode(), "README.md": text.encode()})
    return target


def check_target(target: Path, force: bool) -> None:
    """Refuse to write over anything but, if asked for, an earlier export.

    Raises:
        ConfigError: there is something in the way.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not any((target / mark).is_file() for mark in MARKS):
        raise ConfigError(f"{target} exists and is no export: name another folder with --output.")
    if not force:
        raise ConfigError(
            f"{target} exists: add --force to replace it, or name another folder with --output."
        )


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of these files in the place of an earlier one, or leave all as it was.

    Raises:
        VaelError: the disk is full or the place cannot be written.
    """
    work = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        new, old = work / "new", work / "old"
        new.mkdir()
        for name, content in files.items():
            (new / name).write_bytes(content)
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise VaelError(
            f"cannot write {target}: {error.strerror or error}. Free some space or "
            "make the folder writable."
        ) from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
