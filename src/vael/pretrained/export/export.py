"""One call of ``vael export``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf

from vael.errors import ConfigError
from vael.pretrained.export import onnx
from vael.pretrained.export.card import card_text
from vael.pretrained.export.folder import check_target, write_folder
from vael.pretrained.export.weights import encode_safetensors
from vael.pretrained.model import Model, open_model
from vael.runs.checkpoint import WEIGHTS
from vael.runs.summary import read_summary


@dataclass(frozen=True)
class Files:
    """What a format adds to config and card.

    Attributes:
        contents: by name.
        differences: of ONNX graphs from torch.
    """

    contents: dict[str, bytes]
    differences: dict[str, float]


def _safetensors(model: Model) -> Files:
    return Files({WEIGHTS: encode_safetensors(model)}, {})


def _onnx(model: Model) -> Files:
    made = {"encoder": onnx.export_encoder(model), "decoder": onnx.export_decoder(model)}
    return Files(
        {f"{name}.onnx": graph.content for name, graph in made.items()},
        {name: graph.difference for name, graph in made.items()},
    )


FORMATS: dict[str, Callable[[Model], Files]] = {"safetensors": _safetensors, "onnx": _onnx}


def export_model(
    path: Path,
    form: str = "safetensors",
    output: Path | None = None,
    license_name: str = "unknown",
    checkpoint: str = "best",
    allow: tuple[str, ...] = (),
    force: bool = False,
) -> Path:
    """Writes a folder with the model, its config and its card, whole; returns its path.

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
    made = FORMATS[form](model)
    summary = read_summary(path) if path.is_dir() else None
    text = card_text(model, summary, license_name, made.differences)
    write_folder(
        target,
        {
            **made.contents,
            "config.yaml": OmegaConf.to_yaml(model.config).encode(),
            "README.md": text.encode(),
        },
    )
    return target
