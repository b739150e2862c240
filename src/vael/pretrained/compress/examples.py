"""Take examples from a split, an array, a picture or a folder of pictures, and give them back."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from vael.data.batches import EVAL_CHUNK, EvalBatches
from vael.data.decode.images import decode_images
from vael.data.decode.npz import read_arrays
from vael.data.source import BYTE_LEVELS, Array, Split, level_dtype
from vael.data.sources.folder import Folder
from vael.errors import ConfigError, DataError
from vael.pretrained.compress.bins import Ints
from vael.pretrained.inputs import convert_examples
from vael.pretrained.loading import open_model
from vael.pretrained.model import Model
from vael.pretrained.trained import load_trained
from vael.randomness import Noise

ARRAYS = (".npy", ".npz")
NO_KEYS: dict[Split, str | None] = {"train": None, "val": None, "test": None}


@dataclass(frozen=True)
class Examples:
    """Hold a model and the examples to compress.

    Attributes:
        model: with the run's weights.
        k: level numbers as the likelihood sees them, ``(N, D)``.
    """

    model: Model
    k: Ints


def read_examples(
    run: Path, data: str, overrides: Sequence[str], allow: Sequence[str], which: str
) -> Examples:
    """Load the model and what is to be compressed.

    Args:
        run: a run's folder or a checkpoint.
        data: ``train``, ``val`` or ``test`` of the run's data; an ``.npy`` or ``.npz``; a picture,
            or a folder of pictures.
        overrides: other data of the same shape, for a split.
        allow: packages that the config in a checkpoint may name.
        which: checkpoint of a run, ``best`` or ``last``.

    Raises:
        DataError: examples of another shape, levels or channels than the model's.
        ConfigError: no levels, or data that is neither a split nor a file.
    """
    path = Path(data).expanduser()
    if data in get_args(Split):
        trained = load_trained(run, overrides, allow, which)
        model = Model.of(trained)
        check_levels(model)
        arrays, index = trained.data.select(data)  # type: ignore[arg-type]
        noise = Noise(model.config.data.split_seed, "corruption")
        parts = []
        for batch in EvalBatches(arrays, index):
            source = noise.at(model.device, data, batch.chunk)  # as the run has scored them
            parts.append(_numbers(model, model.preprocess(batch.x, source)))
        return Examples(model, np.concatenate(parts))
    if overrides:
        raise ConfigError(
            f"{overrides[0]} is about the splits of the run's data, but DATA is {data}: leave one "
            "of the two out."
        )
    if not path.exists():
        raise ConfigError(
            f"DATA must be train, val or test, an .npy or .npz file, a picture or a folder of "
            f"pictures, but {data} is none of them."
        )
    model = open_model(run, allow, which)
    check_levels(model)
    raw = (
        _read_array(path, model) if path.suffix.lower() in ARRAYS else _read_pictures(path, model)
    )
    try:
        examples = convert_examples(raw, model.spec)
        parts = [
            _numbers(model, model.prepare(part)) for part in torch.split(examples, EVAL_CHUNK)
        ]
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return Examples(model, np.concatenate(parts))


def check_levels(model: Model) -> None:
    """Refuse a model of data without levels.

    Raises:
        ConfigError: there are none.
    """
    if model.spec.levels is None:
        raise ConfigError(
            "compress needs data with levels (x = k / (levels - 1)): what this model was trained "
            f"on has none, and a density (likelihood={model.vae.family}) gives an example no "
            "probability, and so no length in bits."
        )


def hash_examples(k: Ints, levels: int) -> str:
    """Return the hash of the level numbers ``(N, D)``."""
    return hashlib.sha256(k.astype(level_dtype(levels)).tobytes()).hexdigest()


def encode_examples(k: Array, levels: int, target: Path) -> bytes:
    """Return level numbers ``(N, *E)`` as the bytes of an ``.npy``, ``.npz`` or picture.

    Raises:
        ConfigError: a file that cannot hold them.
    """
    x, buffer = k.astype(level_dtype(levels)), io.BytesIO()
    if target.suffix == ".npy":
        np.save(buffer, x, allow_pickle=False)
    else:
        np.savez(buffer, x=x, allow_pickle=False)
    return buffer.getvalue()


def _numbers(model: Model, x: Tensor) -> Ints:
    """Return level numbers ``(B, D)`` of what the likelihood sees.

    Raises:
        DataError: a value is missing.
    """
    if bool(x.isnan().any()):
        raise DataError(
            f"compress needs every value of an example, but {int(x.isnan().sum()):,} are missing "
            "(NaN): fill them, or leave these examples out."
        )
    assert model.spec.levels is not None
    k: Ints = (x.flatten(1) * (model.spec.levels - 1)).round().to(torch.int32).numpy()
    return k


def _read_array(path: Path, model: Model) -> Array:
    """Return the only array of a file; floats must lie on the levels."""
    found, _, _ = read_arrays(path, NO_KEYS, NO_KEYS)
    if len(found) > 1:
        raise DataError(
            f"{path} must hold one array of examples, but has {', '.join(found)}: save the one "
            "that is to be compressed by itself."
        )
    raw = next(iter(found.values()))
    last = (model.spec.raw_levels or 2) - 1
    if raw.dtype.kind == "f" and raw.size:
        off = np.abs(raw * last - np.round(raw * last))
        if np.isfinite(raw).all() and off.max() > 1e-3:
            raise DataError(
                f"{path} must hold the levels k / {last} of the model's data, so that nothing is "
                f"lost, but {int((off > 1e-3).sum()):,} of {off.size:,} numbers lie between them: "
                "save level numbers."
            )
    return raw


def _read_pictures(path: Path, model: Model) -> Array:
    """Return the pixels of a picture, or of all pictures of a folder in the order of their names.

    Raises:
        DataError: of other levels than the model's, or several splits.
    """
    levels = model.spec.raw_levels
    if levels != BYTE_LEVELS:
        raise DataError(
            f"{path}: pictures have {BYTE_LEVELS} levels, but the model's data has {levels}: give "
            "level numbers as an .npy file."
        )
    if path.is_file():
        return decode_images(lambda: [str(path)], 1, None, str(path))
    parts = Folder(str(path)).decode().parts
    if len(parts) > 1:
        raise DataError(
            f"{path} has folders of splits ({', '.join(parts)}): name the one to be compressed."
        )
    return np.asarray(parts["train"].x)
