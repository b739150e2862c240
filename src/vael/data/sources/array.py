"""Arrays in files: images or tables in ``.npz`` and ``.npy``, tables as text or parquet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from vael.data.decode.header import Header
from vael.data.decode.labels import number_classes
from vael.data.decode.large import LargeArray, open_large
from vael.data.decode.marks import parse_marks
from vael.data.decode.npz import Given, option_name, read_arrays
from vael.data.decode.pixels import (
    channels_first,
    check_levels,
    check_numeric,
    parse_shape,
    shape_examples,
    to_levels,
    to_whole,
)
from vael.data.decode.resize import resize_levels
from vael.data.decode.table import TableOptions, read_table, to_float32
from vael.data.decode.values import describe_values
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
    parse_image_size,
)
from vael.errors import ConfigError, DataError
from vael.files import expand_home
from vael.types import Shape

TABLES = (".csv", ".tsv", ".txt", ".data", ".dat", ".parquet")
ENDINGS = "an .npz, .npy, .csv (.tsv, .txt, .data, .dat) or .parquet file"
REMEDIES = {
    ".mat": ": in Python, numpy.savez('x.npz', x=scipy.io.loadmat(FILE)['NAME'])",
    ".h5": ": in Python, numpy.savez('x.npz', x=h5py.File(FILE)['NAME'][:])",
    ".hdf5": ": in Python, numpy.savez('x.npz', x=h5py.File(FILE)['NAME'][:])",
    ".pkl": ", which could run code when it is read: in Python, numpy.savez('x.npz', x=...)",
    ".pickle": ", which could run code when it is read: in Python, numpy.savez('x.npz', x=...)",
    ".pt": ": in Python, numpy.savez('x.npz', x=torch.load(FILE, weights_only=True).numpy())",
    ".xlsx": ": save the sheet as .csv",
    ".xls": ": save the sheet as .csv",
    ".gz": ": unpack it first (gunzip)",
    ".zip": ": unpack it first (unzip)",
    ".png": ": a folder of pictures is data=folder data.path=FOLDER",
    ".jpg": ": a folder of pictures is data=folder data.path=FOLDER",
    "": ": a folder of pictures is data=folder, one of the hub's parquet files data=hub",
}


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
            ``mean`` or ``median`` of the column over the training rows there.
        missing_marks: texts and numbers that stand for a missing value in a table's file, beside
            an empty cell; None: those that pandas knows, and "?".
        header: whether the first row of a text holds names; ``auto``: it is compared with the
            rows below.
        constant: what to do with columns of a table that never change over the training rows:
            ``keep`` them, standardised by 1, or ``drop`` them.
        shape: of one example, for what was saved flat: [1, 28, 28]; [D] makes a table of series
            (N, T, C).

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
    ) -> None:
        if not path:
            raise ConfigError(f"data=array needs data.path=FILE, {ENDINGS}; got none")
        self.path = expand_home(path)
        self.keys: Given = _names("key", {"train": key, "val": val_key, "test": test_key})
        self.label_keys: Given = _names(
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
        ):
            if value not in known or (value in (0, 1) and not isinstance(value, bool)):
                raise ConfigError(
                    f"data.{name} must be one of {', '.join(map(str, known))}, got {value!r}"
                )
        self.missing, self.constant = missing, constant
        self.levels, self.image_size = check_levels(levels), parse_image_size(image_size)
        self.shape = parse_shape(shape)
        columns = tuple(str(name) for name in categorical or ())
        marks = parse_marks(missing_marks)
        self.table = TableOptions(self.label_keys["train"], columns, missing, marks, header)
        self._check_suffix(
            {"categorical": categorical, "missing_marks": missing_marks}
            | ({} if header == "auto" else {"header": header})
        )

    def _check_suffix(self, of_tables: Mapping[str, object]) -> None:
        suffix, path = self.path.suffix, self.path
        if suffix not in (".npz", ".npy", *TABLES):
            remedy = REMEDIES.get(suffix.lower(), "")
            raise ConfigError(f"data.path must be {ENDINGS}, got {path}{remedy}")
        for split, key in self.keys.items():
            if key is not None and suffix != ".npz":
                name = option_name(split, "key")
                raise ConfigError(
                    f"{name}={key} names an array in an .npz file, but data.path is "
                    f"{path}; set {name}=null"
                )
        for split, key in self.label_keys.items():
            if (
                key is not None
                and suffix != ".npz"
                and not (suffix in TABLES and split == "train")
            ):
                name = option_name(split, "label_key")
                raise ConfigError(
                    f"{name}={key} needs a file with names of arrays, but data.path "
                    f"is {path}; save all arrays in one .npz"
                )
        for name, value in of_tables.items():
            if value is not None and suffix not in TABLES:
                raise ConfigError(
                    f"data.{name} is about the columns of a text or parquet file, but data.path "
                    f"is {path}; leave it out"
                )

    def fingerprint(self) -> str:
        """Return the key of the file and all options."""
        try:
            content = file_key(self.path)
        except OSError as error:
            raise DataError(
                f"data.path must be a file that can be read, got {self.path}: {error.strerror}"
            ) from error
        table = self.table
        options = (
            *(*self.keys.values(), *self.label_keys.values(), self.levels, self.image_size),
            *(self.shape, self.constant, table.categorical, table.missing, table.header),
        )
        return f"{content} {self.path.suffix} {options} {table.marks.key}"

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
            return replace(large.decode(), constant=self.constant)
        values, labels, columns, notes = self._read()
        shape = values["train"].shape
        table = (len(shape) if self.shape is None else len(self.shape) + 1) == 2
        self._check_kind(table, shape)
        y = number_classes(labels, f"data.path={self.path}", notes)
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
            if self.shape is not None:
                x = shape_examples(x, self.shape, where)
            levels = None
            if table:
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
            columns=columns if table and len(columns) == parts["train"].x.shape[1] else (),
            missing=self.missing,
            constant=self.constant,
            notes=(*notes, *describe_values(parts["train"].x, table, columns)),
        )

    def _read(self) -> tuple[dict[Split, Array], dict[Split, Array], tuple[str, ...], list[str]]:
        """Return raw values and labels of each split, names of columns, and what was left out."""
        if self.path.suffix not in TABLES:
            values, labels, notes = read_arrays(self.path, self.keys, self.label_keys)
            return values, labels, (), notes
        table = read_table(self.path, self.table)
        x = table.x if self.shape is None or len(self.shape) == 1 else to_whole(table.x)
        labels = {} if table.y is None else {"train": table.y}
        return {"train": x}, labels, tuple(table.names), table.notes

    def _check_kind(self, table: bool, shape: Shape) -> None:
        if table and (self.levels or self.image_size):
            raise ConfigError(
                f"data.levels and data.image_size are for images, but {self.path} "
                f"holds a table of shape {shape}; set both to null, or, for images that were "
                "flattened, data.shape=[CHANNELS,HEIGHT,WIDTH]"
            )
        if not table and (self.missing != "refuse" or self.constant != "keep"):
            name, plain = (
                ("missing", "refuse") if self.missing != "refuse" else ("constant", "keep")
            )
            raise ConfigError(
                f"data.{name}={getattr(self, name)} is for tables, but {self.path} holds "
                f"an array of shape {shape}; set data.{name}={plain}"
            )

    def _large(self) -> LargeArray | None:
        raw = open_large(self.path)
        where = f"data.path={self.path}, train"
        if raw is None:
            return None
        return LargeArray(raw, where, self.levels, self.image_size, self.missing, self.shape)


def _names(kind: str, given: Mapping[Split, object]) -> Given:
    """Return names of arrays or columns; Hydra makes numbers of those that look like it."""
    for split, name in given.items():
        if name is not None and (isinstance(name, bool) or not isinstance(name, str | int)):
            raise ConfigError(
                f"{option_name(split, kind)} must be null or one name (an example has "
                f"one label), got {name}; choose one"
            )
    return {split: None if name is None else str(name) for split, name in given.items()}
