"""Arrays on disk: read by blocks, for files that may be larger than memory."""

import errno
import hashlib
import mmap
import os
import stat
import tempfile
import weakref
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vael.data.source import Array, Lazy
from vael.errors import DataError

LARGE = 256 * 2**20
"""Bytes from which on a file stays where it is, and is read only where it is needed."""
BLOCK = 2**24  # bytes of an array at a time
SAMPLES = 64  # of a large file, for its key
SAMPLE = 2**20  # bytes each


def file_key(path: Path) -> str:
    """Return a key of what a file holds.

    Up to `LARGE` bytes the hash of the content. Beyond that reading all of it at every start would
    take longer than training: the key is size, time of the last change, and the hash of 64 blocks
    of 1 MiB, evenly spaced from the first byte to the last.

    Raises:
        OSError: it cannot be read, or is no file: to read a pipe would wait for ever.
    """
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    with path.open("rb") as file:
        if found.st_size <= LARGE:
            return hashlib.file_digest(file, "blake2b").hexdigest()
        digest = hashlib.blake2b(f"{found.st_size} {found.st_mtime_ns}".encode())
        for i in range(SAMPLES):
            file.seek((found.st_size - SAMPLE) * i // (SAMPLES - 1))
            digest.update(file.read(SAMPLE))
        return digest.hexdigest()


class ArrayOnDisk(Lazy):
    """An array in a file, of which nothing stays in memory but what was asked for.

    Each example is one read at its place. A memory map is as fast (128 CIFAR images take 0.3 ms),
    but its pages count as memory of the process: one byte maps up to 2 MiB of a page cache with
    large folios, so that a few batches make all of the file resident. And a file that is cut
    while it is mapped kills the process without a word; here it is an error.

    Args:
        path: of the file.
        offset: byte at which the array begins, in C order.
        dtype: of the values.
        shape: ``(N, *R)`` in the file.
        view: ``(B, *R)`` in the file to ``(B, *E)``: the order of the axes.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        offset: int,
        dtype: npt.DTypeLike,
        shape: tuple[int, ...],
        view: Callable[[Array], Array] = lambda raw: raw,
    ) -> None:
        nothing = np.broadcast_to(np.zeros((), dtype), shape)
        super().__init__(view(nothing).shape, dtype)
        self._path, self._offset, self._raw, self._view = path, offset, shape, view
        self._row = self.dtype.itemsize * prod(shape[1:])
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def seen_as(self, view: Callable[[Array], Array]) -> "ArrayOnDisk":
        """View the same file with its axes in another order."""
        return ArrayOnDisk(self._path, self._offset, self.dtype, self._raw, view)

    def __getitem__(self, index: npt.NDArray[np.int64] | slice) -> Array:
        """Read these examples; a slice at once.

        Raises:
            DataError: the file is not what it was any more.
        """
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            assert step == 1
            places, count, each = [start], max(stop - start, 0), max(stop - start, 0) * self._row
        else:
            places, count, each = index.tolist(), len(index), self._row
        raw = np.empty((count, *self._raw[1:]), self.dtype)
        if raw.size:
            target = raw.reshape(-1).view(np.uint8).data
            for i, place in enumerate(places):
                self._read(target[i * each : (i + 1) * each], self._offset + place * self._row)
        return np.ascontiguousarray(self._view(raw))

    def _read(self, target: memoryview, at: int) -> None:
        while len(target):
            try:
                done = os.preadv(self._file, [target], at)
            except OSError as error:
                raise DataError(
                    f"{self._path} must stay readable while it is used, but: "
                    f"{error.strerror}; see data.path"
                ) from error
            if done == 0:
                raise DataError(
                    f"{self._path} must stay as it is while it is used, but it has "
                    "become shorter; see data.path"
                )
            target, at = target[done:], at + done


class Converted(Lazy):
    """Another array, each block of it converted; for the cache, which keeps the result.

    Args:
        x: what to convert.
        convert: ``(B, *E)`` to ``(B, *F)``, example by example.
    """

    keep = True

    def __init__(self, x: Lazy, convert: Callable[[Array], Array]) -> None:
        first = convert(x[:1])
        super().__init__((len(x), *first.shape[1:]), first.dtype)
        self._x, self._convert = x, convert

    def __getitem__(self, index: npt.NDArray[np.int64] | slice) -> Array:
        """Read and convert these examples."""
        return self._convert(self._x[index])


def iterate_blocks(x: Array | Lazy) -> Iterator[Array]:
    """Iterate over all examples in order, about 16 MiB at a time."""
    for at in iterate_row_slices(x):
        yield x[at]


def iterate_row_slices(x: Array | Lazy, most: int = 2**62) -> Iterator[slice]:
    """Iterate over the rows of `iterate_blocks`, at most so many at a time."""
    row = max(1, prod(x.shape[1:]) * x.dtype.itemsize)
    step = min(most, max(1, BLOCK // row))
    for start in range(0, len(x), step):
        yield slice(start, start + step)


def open_npy(path: Path) -> ArrayOnDisk | None:
    """Open a large ``.npy`` in C order; None for any other file.

    Raises:
        OSError, ValueError: it cannot be read, or is not what it should be.
    """
    if path.stat().st_size <= LARGE:
        return None
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(found, np.memmap) or not found.flags.c_contiguous:
        return None
    return ArrayOnDisk(path, found.offset, found.dtype, found.shape)


def allocate(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Allocate an array; a large one lies in a temporary file that vanishes with it.

    Raises:
        DataError: there is no room on the disk.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size <= LARGE:
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="vael-") as file:
            os.posix_fallocate(file.fileno(), 0, size)  # or a full disk would be a SIGBUS
            return np.ndarray(shape, dtype, buffer=mmap.mmap(file.fileno(), size))
    except OSError as error:
        raise DataError(
            f"decoding needs {size / 2**30:.1f} GiB in the folder for temporary files "
            f"({tempfile.gettempdir()}): {error.strerror}; set TMPDIR to one with enough room"
        ) from error
