"""Arrays in files: images or tables in ``.npz`` and ``.npy``, tables in ``.csv``."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from vael.data.decode.images import resize_levels
from vael.data.decode.labels import number_classes
from vael.data.decode.npz import Given, option_name, read_arrays
from vael.data.decode.pixels import channels_first, check_levels, check_numeric, to_levels
from vael.data.decode.table import check_float32, read_csv, to_float32
from vael.data.on_disk import ArrayOnDisk, Converted, file_key, iterate_blocks, open_npy
from vael.data.source import (
    MAX_LEVELS,
    Array,
    Arrays,
    Decoded,
    Lazy,
    Missing,
    Source,
    Split,
    parse_image_size,
)
from vael.errors import ConfigError, DataError


class ArrayFile(Source):
    """Images ``(N, H, W)``, ``(N, H, W, C)``, ``(N, C, H, W)`` or a table ``(N, D)`` in a file.

    Which axis the channels are: `vael.data.decode.pixels.channels_first`. How values become
    levels: `vael.data.decode.pixels.to_levels`. A table has no levels; training standardises its
    columns.

    An ``.npz`` with the usual names (``x_train``, ``x_test``, ``y_train``; ``train_images``,
    ``val_images``; ``train``, ``test``; ``x``, ``y``; ``data``, ``labels``) keeps its splits.

    An ``.npy`` above 256 MB is never read whole. Where it is uint8 images, float32 images without
    levels or a float32 table already, it is checked once and then stays where it is; other dtypes
    are converted block by block into the cache. (Its key: `vael.data.on_disk.file_key`.)

    Args:
        path: of the ``.npz``, ``.npy`` or ``.csv`` file.
        key: name of the array to train on in an ``.npz``; None: by its usual name, or the only
            one. With a key, only what is named is used.
        label_key: name of the array of its labels, or of the column of a ``.csv``.
        levels: of images whose dtype does not say it, 2 .. 256.
        image_size: N or [H, W] to resize images to; level numbers then become 256 levels.
        val_key: name of the array to validate on.
        test_key: name of the array to test on.
        val_label_key: name of the labels of ``val_key``.
        test_label_key: name of the labels of ``test_key``.
        categorical: columns of a ``.csv`` that hold categories: one column of 0 and 1 for each
            value, called ``column=value``, in alphabetical order; an empty cell is a value too.
        missing: what to do about NaN and empty cells of a table: ``refuse`` them, or put the
            ``mean`` or ``median`` of the column over the training rows there.

    Raises:
        ConfigError: an option that cannot work.
    """

    def __init__(
        self,
        path: str | None = None,
        key: str | None = None,
        label_key: str | None = None,
        levels: int | None = None,
        image_size: int | Sequence[int] | None = None,
        val_key: str | None = None,
        test_key: str | None = None,
        val_label_key: str | None = None,
        test_label_key: str | None = None,
        categorical: Sequence[str] | None = None,
        missing: Missing = "refuse",
    ) -> None:
        if not path:
            raise ConfigError(
                "data=array needs data.path=FILE, an .npz, .npy or .csv file; got none"
            )
        self.path = Path(path).expanduser()
        self.keys: Given = _names("key", {"train": key, "val": val_key, "test": test_key})
        self.label_keys: Given = _names(
            "label_key", {"train": label_key, "val": val_label_key, "test": test_label_key}
        )
        if isinstance(categorical, str | int):
            raise ConfigError(
                f"data.categorical must be a list of columns, got {categorical!r}; "
                f"set data.categorical=[{categorical}]"
            )
        self.categorical = tuple(str(name) for name in categorical or ())
        if missing not in get_args(Missing):
            raise ConfigError(
                f"data.missing must be one of {', '.join(get_args(Missing))}, got {missing!r}"
            )
        self.missing = missing
        self.levels, self.image_size = check_levels(levels), parse_image_size(image_size)
        self._check_suffix()

    def _check_suffix(self) -> None:
        suffix, path = self.path.suffix, self.path
        if suffix not in (".npz", ".npy", ".csv"):
            raise ConfigError(f"data.path must be an .npz, .npy or .csv file, got {path}")
        for split, key in self.keys.items():
            if key is not None and suffix != ".npz":
                name = option_name(split, "key")
                raise ConfigError(
                    f"{name}={key} names an array in an .npz file, but data.path is "
                    f"{path}; set {name}=null"
                )
        for split, key in self.label_keys.items():
            if key is not None and suffix != ".npz" and (suffix, split) != (".csv", "train"):
                name = option_name(split, "label_key")
                raise ConfigError(
                    f"{name}={key} needs a file with names of arrays, but data.path "
                    f"is {path}; save all arrays in one .npz"
                )
        if self.categorical and suffix != ".csv":
            raise ConfigError(
                f"data.categorical={list(self.categorical)} names columns of a .csv "
                f"file, but data.path is {path}; set data.categorical=null"
            )

    def fingerprint(self) -> str:
        """Return the key of the file and all options."""
        try:
            content = file_key(self.path)
        except OSError as error:
            raise DataError(
                f"data.path must be a file that can be read, got {self.path}: {error.strerror}"
            ) from error
        return (
            f"{content} {self.path.suffix} {[*self.keys.values()]} {[*self.label_keys.values()]} "
            f"{self.levels} {self.image_size} {self.categorical} {self.missing}"
        )

    def lazy(self) -> dict[Split, Lazy]:
        """Return a large file, which stays where it is."""
        raw = self._open()
        return {"train": self._shaped(raw)} if raw is not None and self._stays(raw) else {}

    def decode(self) -> Decoded:
        """Read and check all arrays."""
        raw = self._open()
        if raw is not None:
            return self._decode_large(raw)
        columns: tuple[str, ...] = ()
        values: dict[Split, Array]
        labels: dict[Split, Array] = {}
        if self.path.suffix == ".csv":
            table = read_csv(self.path, self.label_keys["train"], self.categorical, self.missing)
            values, columns = {"train": table.x}, tuple(table.names)
            if table.y is not None:
                labels = {"train": table.y}
        else:
            values, labels = read_arrays(self.path, self.keys, self.label_keys)
        self._check_options(values["train"])
        y = number_classes(labels, f"data.path={self.path}")
        parts: dict[Split, Arrays] = {}
        found: set[int | None] = set()
        for split, x in values.items():
            where = f"data.path={self.path}, {split}"
            if x.size == 0:
                raise DataError(
                    f"{where}: an array must have at least 1 example, got shape {x.shape}"
                )
            if split in y and len(y[split]) != len(x):
                raise DataError(
                    f"{where}: there must be one label for each example, got "
                    f"{len(y[split])} labels for {len(x)} examples"
                )
            levels = None
            if values["train"].ndim == 2:
                x = to_float32(x, where, columns, self.missing != "refuse")
            else:
                check_numeric(x, where)
                x, levels = to_levels(channels_first(x, where), self.levels, where)
                if self.image_size is not None:
                    x, levels = resize_levels(x, levels, self.image_size)
            parts[split] = Arrays(x, y.get(split))
            found.add(levels)
        if len(found) > 1:
            raise DataError(
                f"data.path={self.path}: all splits must have the same levels, got "
                f"{sorted(map(str, found))}; save them with one dtype"
            )
        return Decoded(
            parts["train"],
            found.pop(),
            parts.get("val"),
            parts.get("test"),
            columns=columns,
            missing=self.missing,
        )

    def _check_options(self, x: Array | Lazy) -> None:
        if x.ndim == 2 and (self.levels or self.image_size):
            raise ConfigError(
                f"data.levels and data.image_size are for images, but {self.path} "
                f"holds a table of shape {x.shape}; set both to null"
            )
        if x.ndim != 2 and self.missing != "refuse":
            raise ConfigError(
                f"data.missing={self.missing} is for tables, but {self.path} holds "
                f"an array of shape {x.shape}; set data.missing=refuse"
            )

    def _open(self) -> ArrayOnDisk | None:
        if self.path.suffix != ".npy":
            return None
        try:
            return open_npy(self.path)
        except (OSError, ValueError):
            return None  # to be said by `read_arrays`

    def _stays(self, raw: ArrayOnDisk) -> bool:
        """Return whether a file is what batches are made of, as it is."""
        if raw.ndim == 2:
            return raw.dtype == np.float32
        plain = raw.dtype == np.uint8 or (raw.dtype == np.float32 and self.levels is None)
        return plain and self.image_size is None

    def _shaped(self, raw: ArrayOnDisk) -> ArrayOnDisk:
        where = f"data.path={self.path}, train"
        return raw if raw.ndim == 2 else raw.seen_as(partial(channels_first, where=where))

    def _decode_large(self, raw: ArrayOnDisk) -> Decoded:
        """Decode by blocks; nothing here may hold all of the file."""
        where = f"data.path={self.path}, train"
        self._check_options(raw)
        if raw.ndim == 2:
            check_float32(iterate_blocks(raw), where, (), self.missing != "refuse")
            table = (
                raw if self._stays(raw) else Converted(raw, lambda block: block.astype(np.float32))
            )
            return Decoded(Arrays(table), None, missing=self.missing)
        images = self._shaped(raw)
        levels = to_levels(self._extremes(images, where), self.levels, where)[1]
        if self._stays(raw):
            return Decoded(Arrays(images), levels)

        def convert(block: Array) -> Array:
            x, found = to_levels(block, levels, where)
            return x if self.image_size is None else resize_levels(x, found, self.image_size)[0]

        resized = MAX_LEVELS if levels and self.image_size else levels
        return Decoded(Arrays(Converted(images, convert)), resized)

    def _extremes(self, images: ArrayOnDisk, where: str) -> Array:
        """Return lowest and highest value; of bytes only until they cannot be binary any more."""
        low = high = images[:1].ravel()[0]
        for block in iterate_blocks(images):
            check_numeric(block, where)
            low, high = min(low, block.min()), max(high, block.max())
            if images.dtype == np.uint8 and self.levels in (None, MAX_LEVELS) and high > 1:
                break
        return np.array([low, high], images.dtype)


def _names(kind: str, given: Mapping[Split, object]) -> Given:
    """Return names of arrays or columns; Hydra makes numbers of those that look like it."""
    for split, name in given.items():
        if name is not None and (isinstance(name, bool) or not isinstance(name, str | int)):
            raise ConfigError(
                f"{option_name(split, kind)} must be null or one name (an example has "
                f"one label), got {name}; choose one"
            )
    return {split: None if name is None else str(name) for split, name in given.items()}
