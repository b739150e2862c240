"""Arrays in files: images or tables in ``.npz`` and ``.npy``, tables as text or parquet."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import get_args

import numpy as np

from vael.data.decode.array_splits import check_given, check_made
from vael.data.decode.endings import ENDINGS, TABLES, check_ending, read_ending
from vael.data.decode.header import Header
from vael.data.decode.image_arrays import ImageOptions, describe_pixels, to_pixels
from vael.data.decode.image_masks import hide_pixels, read_masks
from vael.data.decode.labels import number_classes
from vael.data.decode.large import LargeArray, open_large
from vael.data.decode.marks import parse_marks
from vael.data.decode.npz import Given, parse_names, read_arrays
from vael.data.decode.pixels import (
    channels_first,
    check_levels,
    check_numeric,
    describe_axes,
    parse_shape,
    shape_examples,
    to_whole,
)
from vael.data.decode.table import TableOptions, read_table, to_float32
from vael.data.decode.values import describe_table
from vael.data.on_disk import file_key
from vael.data.source import (
    Array,
    Arrays,
    Constant,
    Decoded,
    Lazy,
    Missing,
    Source,
    Split,
    Support,
    level_dtype,
    parse_image_size,
)
from vael.errors import ConfigError, DataError
from vael.files import expand_home
from vael.types import Shape


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
        missing: what to do about missing values of a table: ``refuse`` them, or put the
            ``mean`` or ``median`` of the column over the training rows there, or leave them out
            of the likelihood by a ``mask``. Of images ``mask`` alone: NaN pixels, and those that
            arrays ``mask`` (``mask_train``, ``mask_test``) of an ``.npz`` say are not observed.
        missing_marks: texts and numbers that stand for a missing value in a table's file, beside
            an empty cell; None: those that pandas knows, and "?".
        header: whether the first row of a text holds names; ``auto``: it is compared with the
            rows below.
        constant: what to do with columns of a table that never change over the training rows:
            ``keep`` them, standardised by 1, or ``drop`` them.
        shape: of one example, for what was saved flat: [1, 28, 28]; [D] makes a table of series
            (N, T, C).
        support: of images: ``unit``, they lie in [0, 1] or are level numbers, or ``real``, any
            numbers: each channel is standardised, and there are no levels.

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
        missing_marks: Sequence[str | float] | None = None,
        header: Header = "auto",
        constant: Constant = "keep",
        shape: Sequence[int] | None = None,
        support: Support = "unit",
    ) -> None:
        if not path:
            raise ConfigError(f"data=array needs data.path=FILE, {ENDINGS}; got none")
        self.path = expand_home(path)
        self.keys: Given = parse_names("key", {"train": key, "val": val_key, "test": test_key})
        self.label_keys: Given = parse_names(
            "label_key", {"train": label_key, "val": val_label_key, "test": test_label_key}
        )
        if isinstance(categorical, str | int):
            raise ConfigError(
                f"data.categorical must be a list of columns, got {categorical!r}; "
                f"set data.categorical=[{categorical}]"
            )
        for name, value, known in (
            ("missing", missing, get_args(Missing)),
            ("constant", constant, get_args(Constant)),
            ("header", header, ("auto", True, False)),
            ("support", support, get_args(Support)),
        ):
            if value not in known or (value in (0, 1) and not isinstance(value, bool)):
                raise ConfigError(
                    f"data.{name} must be one of {', '.join(map(str, known))}, got {value!r}"
                )
        self.missing, self.constant = missing, constant
        self.options = ImageOptions(check_levels(levels), parse_image_size(image_size), support)
        self.shape = parse_shape(shape)
        if support == "real" and levels is not None:
            raise ConfigError(
                f"data.levels={levels} is for images in [0, 1], but data.support=real says that "
                "they hold any numbers; set one of the two to null or unit"
            )
        columns = tuple(str(name) for name in categorical or ())
        marks = parse_marks(missing_marks)
        self.table = TableOptions(self.label_keys["train"], columns, missing, marks, header)
        of_tables = {
            "categorical": categorical,
            "missing_marks": missing_marks,
            "header": None if header == "auto" else header,
        }
        check_ending(self.path, self.keys, self.label_keys, of_tables)

    def fingerprint(self) -> str:
        """Return the key of the file and all options."""
        try:
            content = file_key(self.path)
        except OSError as error:
            raise DataError(
                f"data.path must be a file that can be read, got {self.path.absolute()}: "
                f"{error.strerror}"
            ) from error
        table = self.table
        options = (
            *(*self.keys.values(), *self.label_keys.values(), self.options, self.shape),
            *(self.constant, table.categorical, table.missing, table.header),
        )
        return f"{content} {read_ending(self.path)} {options} {table.marks.key}"

    def lazy(self) -> dict[Split, Lazy]:
        """Return a large file, which stays where it is."""
        large = self._large()
        return {"train": large.shaped()} if large is not None and large.stays else {}

    def describe(self) -> str:
        """Return the path of the file."""
        return str(self.path)

    def decode(self) -> Decoded:
        """Read and check all arrays."""
        large = self._large()
        if large is not None:
            self._check_kind(large.is_table, large.raw.shape)
            if not large.is_table and self.missing == "mask":
                raise ConfigError(
                    f"data.missing=mask reads images whole, but {self.path} is too large: save "
                    "fewer at once."
                )
            return replace(large.decode(), constant=self.constant)
        values, labels, columns, notes = self._read()
        shape = values["train"].shape
        table = (len(shape) if self.shape is None else len(self.shape) + 1) == 2
        self._check_kind(table, shape)
        y = number_classes(labels, f"data.path={self.path}", notes)
        check_given(values, y, self.shape, self.path)
        masks = {} if table or self.missing != "mask" else read_masks(self.path)
        made: dict[Split, Array] = {}
        levels: dict[Split, int | None] = {}
        for split, x in values.items():
            where = f"data.path={self.path}, {split}"
            if self.shape is not None:
                x = shape_examples(x, self.shape, where)
            if table:
                made[split] = to_float32(x, where, columns, self.missing != "refuse")
                levels[split] = None
                continue
            if self.missing == "mask":
                pair = hide_pixels(x, masks.get(split), partial(self._decode, where=where), where)
            else:
                pair = self._decode(x, where)
            made[split], levels[split] = pair
            if split == "train":
                notes += describe_axes(x.shape)
                shape = channels_first(x, where).shape
                seen = made[split]
                if self.missing == "mask" and levels[split]:
                    seen = np.nan_to_num(seen).astype(level_dtype(levels[split] or 2))
                notes += describe_pixels(shape, self.options, seen, levels[split])
        check_made(made, levels, self.path)
        parts = {split: Arrays(x, y.get(split)) for split, x in made.items()}
        if table:
            notes += describe_table(made["train"])
        return Decoded(
            parts["train"],
            levels["train"],
            parts.get("val"),
            parts.get("test"),
            columns=columns if table and len(columns) == made["train"].shape[1] else (),
            missing=self.missing,
            constant=self.constant,
            support="unit" if table else self.options.support,
            notes=tuple(notes),
        )

    def _decode(self, x: Array, where: str) -> tuple[Array, int | None]:
        """Return images of a split as ``(N, C, H, W)``, and their levels."""
        check_numeric(x, where)  # while places are those of the file
        return to_pixels(channels_first(x, where), self.options, where)

    def _read(self) -> tuple[dict[Split, Array], dict[Split, Array], tuple[str, ...], list[str]]:
        """Return raw values and labels of each split, names of columns, and what was left out."""
        if read_ending(self.path) not in TABLES:
            masked = self.missing == "mask"
            values, labels, notes = read_arrays(self.path, self.keys, self.label_keys, masked)
            return values, labels, (), notes
        table = read_table(self.path, self.table)
        x = table.x if self.shape is None or len(self.shape) == 1 else to_whole(table.x)
        labels = {} if table.y is None else {"train": table.y}
        return {"train": x}, labels, tuple(table.names), table.notes

    def _check_kind(self, table: bool, shape: Shape) -> None:
        if table and self.options != ImageOptions():
            raise ConfigError(
                f"data.levels, data.image_size and data.support are for images, but {self.path} "
                f"holds a table of shape {shape}; leave them out, or, for images that were "
                "flattened, set data.shape=[CHANNELS,HEIGHT,WIDTH]"
            )
        if not table and self.missing == "mask" and self.options.size is not None:
            raise ConfigError(
                "data.missing=mask cannot go together with data.image_size: a missing pixel has "
                "no neighbours to be resized with; resize images and mask yourself."
            )
        imputes = self.missing in ("mean", "median")
        if not table and (imputes or self.constant != "keep"):
            name, plain = ("missing", "mask") if imputes else ("constant", "keep")
            raise ConfigError(
                f"data.{name}={getattr(self, name)} is for tables, but {self.path} holds "
                f"an array of shape {shape}; set data.{name}={plain}"
            )

    def _large(self) -> LargeArray | None:
        raw = open_large(self.path)
        where = f"data.path={self.path}, train"
        if raw is None:
            return None
        return LargeArray(raw, where, self.options, self.missing, self.shape)
