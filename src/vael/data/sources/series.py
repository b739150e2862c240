"""Series of several channels, of the same length or of different ones, in a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from vael.data.decode.labels import number_classes
from vael.data.decode.npz import parse_names, read_arrays
from vael.data.decode.ts_files import read_ts
from vael.data.on_disk import file_key
from vael.data.source import Array, Arrays, Decoded, Missing, Source, Split
from vael.errors import ConfigError, DataError
from vael.files import expand_home

Layout = Literal["ntc", "nct"]
ENDINGS = ".npz, .npy or .ts"


class SeriesFile(Source):
    """Series ``(N, T, C)`` or ``(N, T)`` in an ``.npz`` or ``.npy``, or a ``.ts`` of an archive.

    They become ``(N, C, T)`` float32, each channel standardised over the training series. Beyond
    the end of a shorter one stands NaN, a missing value, which enters no loss and no score: the
    likelihood sums over the steps that are there (``data.missing=mask``). NaN within a series is a
    missing value, too. Lengths are an array ``lengths`` (``lengths_train``, ...) of the file, or
    there are none: then a series ends at its last number.

    The names of the arrays are those of `vael.data.sources.ArrayFile`. Of ``NAME_TRAIN.ts``,
    ``NAME_TEST.ts`` beside it is the test split.

    Args:
        path: of the file.
        layout: of the arrays: ``ntc`` or ``nct``.

    Raises:
        ConfigError: an option that cannot work.
    """

    def __init__(self, path: str | None = None, layout: Layout = "ntc") -> None:
        if not path:
            raise ConfigError(f"data=series needs data.path=FILE, {ENDINGS}; got none")
        self.path = expand_home(path)
        if self.path.suffix.lower() not in (".npz", ".npy", ".ts"):
            raise ConfigError(f"data=series reads {ENDINGS}, got data.path={path}")
        if layout not in get_args(Layout):
            raise ConfigError(f"data.layout must be ntc or nct, got {layout!r}")
        self.layout: Layout = layout

    @property
    def files(self) -> dict[Split, Path]:
        """The files that are read."""
        found: dict[Split, Path] = {"train": self.path}
        test = self.path.with_name(self.path.name.replace("_TRAIN.ts", "_TEST.ts"))
        return {**found, "test": test} if test != self.path and test.is_file() else found

    def fingerprint(self) -> str:
        """Return the key of the files and the layout."""
        try:
            keys = [file_key(path) for path in self.files.values()]
        except OSError as error:
            raise DataError(
                f"data.path must be a file that can be read, got {self.path.absolute()}: "
                f"{error.strerror}"
            ) from error
        return f"series {' '.join(map(str, keys))} {self.layout}"

    def describe(self) -> str:
        """Return the path of the file."""
        return str(self.path)

    def decode(self) -> Decoded:
        """Read and check all series, pad them to the longest one."""
        notes: list[str] = []
        text = self.path.suffix.lower() == ".ts"
        values, labels = self._read_texts() if text else self._read_arrays(notes)
        y = number_classes(labels, f"data.path={self.path}", notes)
        channels = {split: x.shape[1:] for split, x in values.items()}
        if len(set(channels.values())) > 1:
            raise DataError(
                f"data.path={self.path}: the series of all splits must have as many channels and "
                f"steps, got (C, T) = {', '.join(f'{s} {c}' for s, c in channels.items())}"
            )
        for split, x in values.items():
            if np.isinf(x).any():
                raise DataError(f"data.path={self.path}, {split}: series must be finite, or NaN")
            if split in y and len(y[split]) != len(x):
                raise DataError(
                    f"data.path={self.path}, {split}: {len(x)} series have {len(y[split])} labels"
                )
        holes = any(bool(np.isnan(x).any()) for x in values.values())
        missing: Missing = "mask" if holes else "refuse"
        parts = {s: Arrays(x.astype(np.float32), y.get(s)) for s, x in values.items()}
        return Decoded(
            parts["train"],
            None,
            parts.get("val"),
            parts.get("test"),
            missing=missing,
            support="real",
            notes=tuple(notes),
        )

    def _read_texts(self) -> tuple[dict[Split, Array], dict[Split, Array]]:
        """Return the series ``(N, C, T)`` of each file, and their labels."""
        read = {split: read_ts(path) for split, path in self.files.items()}
        every = [one for text in read.values() for one in text.series]
        channels, steps = {len(one) for one in every}, max(one.shape[1] for one in every)
        if len(channels) > 1:
            raise DataError(f"data.path={self.path}: series must have as many channels each")
        values: dict[Split, Array] = {
            split: np.stack([_pad(one, steps) for one in text.series])
            for split, text in read.items()
        }
        labels = {s: np.array(t.labels) for s, t in read.items() if t.labels is not None}
        return values, labels

    def _read_arrays(self, notes: list[str]) -> tuple[dict[Split, Array], dict[Split, Array]]:
        given = dict.fromkeys(("train", "val", "test"))
        names = parse_names("key", given), parse_names("label_key", given)  # type: ignore[arg-type]
        values, labels, said = read_arrays(self.path, *names)
        lengths = _find_lengths(self.path, values)
        notes += [line for line in said if "lengths" not in line]
        return {s: self._shape(x, lengths.get(s), s) for s, x in values.items()}, labels

    def _shape(self, x: Array, lengths: Array | None, split: Split) -> Array:
        """Return ``(N, C, T)`` with NaN beyond the end of each series."""
        where = f"data.path={self.path}, {split}"
        if x.dtype.kind not in "buif" or x.ndim not in (2, 3) or not x.size:
            raise DataError(
                f"{where}: series must be numbers of shape (N, T) or (N, T, C), got "
                f"{x.dtype} of shape {x.shape}"
            )
        x = x[..., None] if x.ndim == 2 else x if self.layout == "ntc" else x.transpose(0, 2, 1)
        series: Array = np.moveaxis(x, 2, 1).astype(np.float64)
        if lengths is None:
            return series
        steps = series.shape[2]
        whole = lengths.dtype.kind in "ui" and lengths.shape == (len(series),)
        if not whole or lengths.min() < 1 or lengths.max() > steps:
            raise DataError(
                f"{where}: lengths must be {len(series)} whole numbers from 1 to {steps}, got "
                f"{lengths.dtype} of shape {lengths.shape}"
                + (f" from {lengths.min()} to {lengths.max()}" if whole else "")
            )
        beyond = np.arange(steps) >= lengths[:, None]
        return np.where(beyond[:, None], np.nan, series)


def _find_lengths(path: Path, values: Mapping[Split, Array]) -> dict[Split, Array]:
    """Return the array of lengths of each split that has one."""
    if path.suffix.lower() != ".npz":
        return {}
    with np.load(path, allow_pickle=False) as loaded:
        names = {"train": ("lengths_train", "lengths"), "val": ("lengths_val",)}
        names["test"] = ("lengths_test",)
        return {
            split: loaded[name]
            for split in values
            for name in reversed(names[split])
            if name in loaded.files
        }


def _pad(series: Array, steps: int) -> Array:
    """Return ``(C, T)`` with NaN up to ``steps``."""
    missing: Sequence[tuple[int, int]] = ((0, 0), (0, steps - series.shape[1]))
    return np.pad(series, missing, constant_values=np.nan)
