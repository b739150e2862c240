"""The contract of a data source: raw input, decoded once into whole arrays."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vael.data.cards import DataCard
from vael.errors import ConfigError, DataError

Array = npt.NDArray[Any]
Split = Literal["train", "val", "test"]
Support = Literal["unit", "real"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
Missing = Literal["refuse", "mean", "median", "mask"]
Constant = Literal["keep", "drop"]
BYTE_LEVELS = 256  # of one byte
MAX_LEVELS = 65536  # of two


def level_dtype(levels: int) -> npt.DTypeLike:
    """Return the type of level numbers: one byte where that is enough, else two."""
    return np.uint8 if levels <= BYTE_LEVELS else np.uint16


class Lazy(ABC):
    """Examples that are not in memory: drawn, or read from a file, when a batch asks for them.

    Not an array on purpose: whatever would take all of it at once (``x.max()``) does not exist.

    Args:
        shape: ``(N, *E)`` of all examples.
        dtype: of what `__getitem__` gives.

    Attributes:
        keep: whether the cache keeps a copy, made by blocks; False: `Source.lazy` has them again.
    """

    keep = False

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.shape, self.dtype, self.ndim = shape, np.dtype(dtype), len(shape)

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def __getitem__(self, index: npt.NDArray[np.int64] | slice) -> Array:
        """Return ``(len(index), *E)``: a new C-contiguous array with these examples."""


@dataclass(frozen=True)
class Arrays:
    """One part of a data set.

    Attributes:
        x: ``(N, C, H, W)`` uint8 level numbers ``0 .. levels-1`` (uint16 above 256 levels), or
            float32 without levels; or a table ``(N, D)`` or series ``(N, C, T)`` float32. NaN is a
            missing value (see `Decoded`); images with such have float32 level numbers.
        y: ``(N,)`` int64 class numbers, or None.
        factors: ``(N, F)`` integers, what each example was made from; or None.
        context: ``(N, K)`` float32, what a conditional model is told; no source gives it, see
            `vael.data.context`.
    """

    x: Array | Lazy
    y: Array | None = None
    factors: Array | None = None
    context: Array | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Decoded:
    """A whole data set as arrays, with the splits that its authors gave it.

    Attributes:
        train: what there is to train on; validation comes out of it where ``val`` is None.
        levels: number of values per dimension; None for data without levels.
        val: the official validation examples, where there are any.
        test: the official test examples; None: taken out of ``train``.
        factors: name and number of values of each of the F factors.
        columns: names of the D columns of a table; empty where they have none.
        missing: what a NaN in a table is replaced by: a statistic of its column over the
            *training* rows, which are not known yet here. ``refuse``: there is no NaN. ``mask``:
            nothing, also in images: the likelihood leaves missing values out.
        constant: what is done with columns that do not change over the training rows.
        support: of images without levels: ``unit``, they lie in [0, 1], or ``real``, any numbers,
            of which each channel is standardised over the training images.
        notes: what a user should know of how the files were read, a line each: what was taken for
            what, and what was left out.
    """

    train: Arrays
    levels: int | None
    val: Arrays | None = None
    test: Arrays | None = None
    factors: tuple[tuple[str, int], ...] = ()
    columns: tuple[str, ...] = ()
    missing: Missing = "refuse"
    constant: Constant = "keep"
    support: Support = "unit"
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[Split, Arrays]:
        """The parts that exist, by name."""
        found: dict[Split, Arrays | None] = dict(
            zip(SPLITS, (self.train, self.val, self.test), strict=True)
        )
        return {name: part for name, part in found.items() if part is not None}


class Source(ABC):
    """A source of data. A subclass takes its options in its constructor, and no data.

    A constructor must be cheap (it runs whenever a configuration is checked) and raise
    `ConfigError` for options that cannot work.

    Example:
        Images of one grey level each, 9 levels; validation and test are taken out of train.

        >>> class Plain(Source):
        ...     def __init__(self, number):
        ...         self.number = number
        ...     def fingerprint(self):
        ...         return f"plain {self.number}"
        ...     def decode(self):
        ...         grey = np.arange(self.number, dtype=np.uint8) % 9
        ...         return Decoded(Arrays(np.tile(grey[:, None, None, None], (1, 8, 8))), levels=9)
        >>> data = Plain(number=12).decode()
        >>> data.train.x.shape
        (12, 1, 8, 8)
        >>> check_decoded(data, "Plain")  # raises DataError where the contract is broken
    """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a key of the raw input and of each option that changes what `decode` returns.

        It runs at every start: hash files (`vael.data.on_disk.file_key`), but do not decode them.

        Raises:
            DataError: the raw input is missing or cannot be read.
        """

    @abstractmethod
    def decode(self) -> Decoded:
        """Return the whole data set. Runs once; the result is cached under the fingerprint.

        Raises:
            DataError: the raw input is not what it must be.
        """

    def describe(self) -> str:
        """Say where the examples are from, for the line about the data."""
        return type(self).__name__

    def card(self) -> DataCard | None:
        """Return the card of a known data set; without its digest where options change it."""
        return None

    def lazy(self) -> dict[Split, Lazy]:
        """Return the `Lazy` examples of `decode`, again: the cache keeps all else, but not those.

        It runs at every start after the first one, so it must be cheap.
        """
        return {}


def check_decoded(data: Decoded, who: str) -> None:
    """Refuse arrays that break the contract of `Decoded`, whoever wrote the source.

    Raises:
        DataError: naming the source, the split, what must hold and what was got.
    """
    for name, part in data.parts.items():
        x, y, where = part.x, part.y, f"data.source={who}, split {name}"
        if len(x) == 0:
            raise DataError(f"{where}: a split must have at least 1 example, got none")
        if x.ndim not in (2, 3, 4) or 0 in x.shape:
            raise DataError(
                f"{where}: x must be (N, C, H, W), (N, C, T) or (N, D), got shape {x.shape}"
            )
        holes = data.missing == "mask"  # NaN has no place among whole numbers
        wanted = np.dtype(level_dtype(data.levels) if data.levels and not holes else np.float32)
        if x.dtype != wanted or (data.levels and x.ndim != 4):
            raise DataError(
                f"{where}: x must be images of level numbers ({wanted}), or float32 without, "
                f"got {x.dtype} of rank {x.ndim} with levels={data.levels}"
            )
        # Of lazy examples a look at the first ones: all of them may be more than fit.
        seen = x[:64] if isinstance(x, Lazy) else x
        if data.levels and not int(np.nanmax(seen)) < data.levels <= MAX_LEVELS:
            raise DataError(
                f"{where}: level numbers must be below levels={data.levels} <= {MAX_LEVELS}, "
                f"got {int(np.nanmax(seen))}"
            )
        if x.shape[1:] != data.train.x.shape[1:]:
            raise DataError(
                f"{where}: examples must have the shape of the training examples, "
                f"{data.train.x.shape[1:]}, got {x.shape[1:]}"
            )
        if y is not None and (y.shape != (len(x),) or y.dtype != np.int64 or y.min() < 0):
            raise DataError(
                f"{where}: labels must be {len(x)} int64 numbers >= 0, got "
                f"{y.dtype} of shape {y.shape} from {y.min() if y.size else '-'}"
            )
        rows = None if part.factors is None else part.factors.shape
        if data.factors and rows != (len(x), len(data.factors)):
            raise DataError(
                f"{where}: factors must have shape {(len(x), len(data.factors))}, got {rows}"
            )
        if data.columns and x.shape[1:] != (len(data.columns),):
            raise DataError(
                f"{where}: there must be a name for each column of x, got "
                f"{len(data.columns)} for shape {x.shape}"
            )


def parse_image_size(image_size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Parse ``data.image_size`` as (height, width): one number means a square.

    Raises:
        ConfigError: it is neither a number >= 1 nor a pair of them.
    """
    if image_size is None:
        return None
    pair = [image_size] * 2 if isinstance(image_size, int) else list(image_size)
    if len(pair) != 2 or not all(type(n) is int and n >= 1 for n in pair):
        raise ConfigError(
            f"data.image_size must be a number >= 1 or [height, width], got {image_size}"
        )
    return pair[0], pair[1]
