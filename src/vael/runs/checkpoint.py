"""Read model files: a run's checkpoints and an export's weights, of tensors and plain values."""

import json
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from vael.data.source import MAX_LEVELS
from vael.errors import CheckpointError
from vael.runs.folder import RunFolder
from vael.text import word_command
from vael.types import DataSpec

WEIGHTS = "model.safetensors"  # the name of an export's file
HEADER, FORMAT = "vael", 1  # of its header
MOST_NODES, MOST_LEVELS = 10_000, 20  # of a config; vael's own have some 150 in 4 levels


@dataclass(frozen=True)
class ModelFile:
    """A trained model as it lies in a file.

    Attributes:
        file: the checkpoint.
        config: the run's, of plain containers; not checked.
        state: tensors by name.
        spec: what the data was.
    """

    file: Path
    config: dict[str, Any]
    state: dict[str, Tensor]
    spec: DataSpec


def read_model_file(path: Path, which: str = "best") -> ModelFile:
    """Read a checkpoint or an export's weights; nothing in it is run.

    Args:
        path: the file, an export's folder, or a run's.
        which: checkpoint of a run, ``best`` or ``last``.

    Raises:
        CheckpointError: it is missing, damaged, foreign or not as vael writes it.
    """
    file = _find_model_file(path, which)
    is_export = file.suffix == Path(WEIGHTS).suffix
    return parse_model_file(_read_safetensors(file) if is_export else load_checkpoint(file), file)


def _find_model_file(path: Path, which: str) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise CheckpointError(f"{path} is neither a run's folder nor a checkpoint file.")
    if (path / WEIGHTS).is_file():
        return path / WEIGHTS
    if (path / "encoder.onnx").is_file():
        raise CheckpointError(
            f"{path} is an export to ONNX, which vael cannot read: export with "
            "--format safetensors for that."
        )
    found = RunFolder(path).checkpoint(which)
    if not found.is_file():
        others = sorted(file.stem for file in found.parent.glob("*.ckpt"))
        remedy = (
            f"train it first ({word_command('vael', 'train', path)}), or name a checkpoint file"
        )
        if others:
            remedy = f"there is {' and '.join(others)}: ask for that one"
        raise CheckpointError(f"{path} has no checkpoints/{which}.ckpt; {remedy}.")
    return found


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read everything that a checkpoint of vael holds, onto the CPU.

    Raises:
        CheckpointError: missing, truncated, not a checkpoint of vael, or carrying pickled objects.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is not a file: give a run's checkpoints/best.ckpt.")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # refused below anyway
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a hostile file reaches every error of torch's reader
        if isinstance(error, pickle.UnpicklingError) and zipfile.is_zipfile(path):
            raise CheckpointError(
                f"{path} carries pickled Python objects, which could run code: it was not loaded. "
                "vael's own checkpoints hold tensors and plain containers only."
            ) from error
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint: it is truncated, damaged or of another "
            "kind. Delete it to start anew, or continue from another one."
        ) from error
    if not isinstance(loaded, dict) or not {"state_dict", "config"} <= loaded.keys():
        raise CheckpointError(
            f"{path} is a torch file, but not a checkpoint of vael: it has no "
            "state_dict and config."
        )
    return loaded


def parse_model_file(loaded: Mapping[str, Any], file: Path) -> ModelFile:
    """Take the model out of what a file holds.

    Raises:
        CheckpointError: it is not as vael writes it.
    """
    state, config = loaded["state_dict"], loaded["config"]
    if not isinstance(state, Mapping) or not all(map(_is_plain, state.values())):
        raise CheckpointError(
            f"{file} must hold its weights as plain tensors on the CPU, but holds something else."
        )
    if not isinstance(config, dict) or not _is_small(config):
        raise CheckpointError(
            f"{file} must hold its config as a small mapping of plain values, "
            "but holds something else."
        )
    spec = _parse_spec(loaded.get("data"), file)
    return ModelFile(file, config, {str(name): value for name, value in state.items()}, spec)


def check_fits(
    path: Path, loaded: Mapping[str, Tensor], wanted: Mapping[str, Tensor], whose: str, remedy: str
) -> None:
    """Refuse weights of other names or shapes than a model has.

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


def _read_safetensors(file: Path) -> dict[str, Any]:
    try:
        with safe_open(file, framework="pt") as opened:
            header = json.loads((opened.metadata() or {})[HEADER])
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        if header["format"] != FORMAT:
            raise ValueError(f"format {header['format']}, not {FORMAT}")
        return {"state_dict": state, "config": header["config"], "data": header["data"]}
    except Exception as error:  # a hostile file reaches every error of its reader
        raise CheckpointError(
            f"{file} cannot be read as an export of vael: it is truncated, "
            "damaged or of another kind. Get it again."
        ) from error


def _parse_spec(data: object, file: Path) -> DataSpec:
    """Return the data's description out of plain containers, as ``asdict`` made them."""
    try:
        if not isinstance(data, Mapping):
            raise TypeError("no mapping")
        known = {field.name for field in fields(DataSpec)}
        given = {str(name): value for name, value in data.items() if name in known}
        given["event_shape"] = tuple(int(size) for size in given["event_shape"])
        given["factors"] = tuple((str(name), int(n)) for name, n in given.get("factors", ()))
        given["columns"] = tuple(map(str, given.get("columns", ())))
        given["context"] = tuple((str(name), int(n)) for name, n in given.get("context", ()))
        given["families"] = tuple((str(f), str(v)) for f, v in given.get("families", ()))
        given["observed"] = tuple((str(n), float(d)) for n, d in given.get("observed", ()))
        spec = DataSpec(**given)
        sizes = (*spec.event_shape, spec.num_train)
        if not (
            len(spec.event_shape) in (1, 2, 3)
            and spec.support in ("unit", "real")
            and all(type(size) is int and size > 0 for size in sizes)
            and all(
                n is None or (type(n) is int and 2 <= n <= MAX_LEVELS)
                for n in (spec.levels, spec.raw_levels)
            )
        ):
            raise ValueError("out of range")
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise CheckpointError(
            f"{file} must describe its data as vael does (shape, levels, "
            f"support, sizes), but does not: {error}."
        ) from error
    return spec


def _is_plain(value: object) -> bool:
    return (
        type(value) is Tensor
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
    )


def _is_small(config: object) -> bool:
    """Return whether these are plain values, few, not deep; a list in itself is endless."""
    todo, count = [(config, 0)], 0
    while todo:
        node, level = todo.pop()
        count += 1
        if count > MOST_NODES or level > MOST_LEVELS:
            return False
        if isinstance(node, dict):
            if not all(isinstance(name, str) for name in node):
                return False
            todo += [(value, level + 1) for value in node.values()]
        elif isinstance(node, list | tuple):
            todo += [(value, level + 1) for value in node]
        elif not (node is None or isinstance(node, str | int | float | bool)):
            return False
    return True
