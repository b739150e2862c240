"""Floor 6: arrays in files: images or tables in ``.npz`` and ``.npy``, tables in ``.csv``."""

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vael.data.images import resize
from vael.data.labels import class_numbers
from vael.data.pixels import channels_first, check_levels, check_numeric, to_levels
from vael.data.source import (
    MAX_LEVELS,
    Array,
    Arrays,
    Decoded,
    Source,
    Split,
    parse_image_size,
)
from vael.data.table import read_csv, to_float32
from vael.errors import ConfigError, DataError

VALUES: dict[Split, tuple[str, ...]] = {
    "train": ("x_train", "train_x", "train_images", "train", "x", "data", "images"),
    "val": ("x_val", "val_x", "val_images", "val", "valid"),
    "test": ("x_test", "test_x", "test_images", "test"),
}
LABELS: dict[Split, tuple[str, ...]] = {
    "train": ("y_train", "train_y", "train_labels", "y", "labels", "label"),
    "val": ("y_val", "val_y", "val_labels"),
    "test": ("y_test", "test_y", "test_labels"),
}


class ArrayFile(Source):
    """Images ``(N, H, W)``, ``(N, H, W, C)``, ``(N, C, H, W)`` or a table ``(N, D)`` in a file.

    Which axis the channels are: `vael.data.pixels.channels_first`. How values become levels:
    `vael.data.pixels.to_levels`. A table has no levels; training standardises its columns.

    An ``.npz`` with the usual names (``x_train``, ``x_test``, ``y_train``; ``train_images``,
    ``val_images``; ``train``, ``test``; ``x``, ``y``; ``data``, ``labels``) keeps its splits.

    Args:
        path: of the ``.npz``, ``.npy`` or ``.csv`` file.
        key: name of the one array to use in an ``.npz``; None: by its usual name, or the only one.
        label_key: name of the array of labels, or of the column of a ``.csv``.
        levels: of images whose dtype does not say it, 2 .. 256.
        image_size: N or [H, W] to resize images to; level numbers then become 256 levels.

    Raises:
        ConfigError: an option that cannot work.
    """

    def __init__(
        self, path: str | None = None, key: str | None = None, label_key: str | None = None,
        levels: int | None = None, image_size: int | Sequence[int] | None = None,
    ) -> None:
        if not path:
            raise ConfigError("data=array needs data.path=FILE, an .npz, .npy or .csv file; "
                              "got none")
        self.path = Path(path).expanduser()
        if self.path.suffix not in (".npz", ".npy", ".csv"):
            raise ConfigError(f"data.path must be an .npz, .npy or .csv file, got {self.path}")
        if self.path.suffix != ".npz" and key is not None:
            raise ConfigError(f"data.key={key} names an array in an .npz file, but data.path is "
                              f"{self.path}; set data.key=null")
        if self.path.suffix == ".npy" and label_key is not None:
            raise ConfigError(f"data.label_key={label_key} needs a file with names, but data.path "
                              f"is {self.path}; save both arrays in one .npz")
        self.key, self.label_key = key, label_key
        self.levels, self.image_size = check_levels(levels), parse_image_size(image_size)

    def fingerprint(self) -> str:
        """Hash of the file and of all options."""
        try:
            with self.path.open("rb") as file:
                content = hashlib.file_digest(file, "blake2b").hexdigest()
        except OSError as error:
            raise DataError(f"data.path must be a file that can be read, got {self.path}: "
                            f"{error.strerror}") from error
        return f"{content} {self.path.suffix} {self.key} {self.label_key} {self.levels} " \
               f"{self.image_size}"

    def decode(self) -> Decoded:
        """Read and check all arrays."""
        values, labels = self._read()
        rank = values["train"].ndim
        if rank == 2 and (self.levels or self.image_size):
            raise ConfigError(f"data.levels and data.image_size are for images, but {self.path} "
                              f"holds a table of shape {values['train'].shape}; set both to null")
        y = class_numbers(labels, f"data.path={self.path}")
        parts: dict[Split, Arrays] = {}
        found: set[int | None] = set()
        for split, x in values.items():
            where = f"data.path={self.path}, {split}"
            if x.size == 0:
                raise DataError(f"{where}: an array must have at least 1 example, got shape "
                                f"{x.shape}")
            if split in y and len(y[split]) != len(x):
                raise DataError(f"{where}: there must be one label for each example, got "
                                f"{len(y[split])} labels for {len(x)} examples")
            levels = None
            if rank == 2:
                x = to_float32(x, where)
            else:
                check_numeric(x, where)
                x, levels = to_levels(channels_first(x, where), self.levels, where)
                if self.image_size is not None:
                    x, levels = self._resized(x, levels, self.image_size)
            parts[split] = Arrays(x, y.get(split))
            found.add(levels)
        if len(found) > 1:
            raise DataError(f"data.path={self.path}: all splits must have the same levels, got "
                            f"{sorted(map(str, found))}; save them with one dtype")
        return Decoded(parts["train"], found.pop(), parts.get("val"), parts.get("test"))

    @staticmethod
    def _resized(x: Array, levels: int | None, size: tuple[int, int]) -> tuple[Array, int | None]:
        if levels is None:
            return resize(x, size).clip(0, 1), None
        grey = np.round(x * (255 / (levels - 1))).astype(np.uint8)
        return resize(grey, size), MAX_LEVELS

    def _read(self) -> tuple[dict[Split, Array], dict[Split, Array]]:
        """Raw values and raw labels of each split."""
        if self.path.suffix == ".csv":
            table = read_csv(self.path, self.label_key)
            return {"train": table.x}, {} if table.y is None else {"train": table.y}
        try:
            with self.path.open("rb") as file:  # numpy forgets to close a broken one
                loaded = np.load(file, allow_pickle=False)
                if self.path.suffix == ".npy":
                    return {"train": np.asarray(loaded)}, {}
                names = _names(loaded.files, VALUES, self.key, "data.key", self.path)
                tags = {} if self.key and not self.label_key else _names(
                    loaded.files, LABELS, self.label_key, "data.label_key", self.path)
                return ({split: loaded[name] for split, name in names.items()},
                        {split: loaded[name] for split, name in tags.items() if split in names})
        except ConfigError:
            raise
        except (OSError, ValueError, EOFError, AttributeError, TypeError, zlib.error,
                zipfile.BadZipFile) as error:
            text = str(error)
            reason = "it holds Python objects, which are not loaded because they could run code" \
                if "Object arrays" in text else f"it is truncated or another format ({text})"
            raise DataError(f"data.path={self.path} must be a {self.path.suffix} file of numbers, "
                            f"but {reason}; save it anew, with numpy.save or savez") from error


def _names(
    files: list[str], usual: dict[Split, tuple[str, ...]], given: str | None, option: str,
    path: Path,
) -> dict[Split, str]:
    """Which array of an ``.npz`` is what."""
    listed = ", ".join(files) or "no arrays"
    if given is not None:
        if given not in files:
            raise ConfigError(f"{option} must be an array of {path}, got {given}; there are: "
                              f"{listed}")
        return {"train": given}
    found: dict[Split, str] = {}
    for split, names in usual.items():
        present = [name for name in names if name in files]
        if len(present) > 1:
            raise ConfigError(f"{path} has several arrays that could be the {split} ones: "
                              f"{', '.join(present)}; choose one with {option}=NAME")
        if present:
            found[split] = present[0]
    if usual is VALUES and "train" not in found:
        others = [name for name in files if not any(name in names for names in LABELS.values())]
        if len(others) != 1:
            raise ConfigError(f"{path} must have one array, or usual names such as x_train; there "
                              f"are: {listed}; choose one with data.key=NAME")
        return {"train": others[0]}
    return found
