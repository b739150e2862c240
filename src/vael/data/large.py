"""Floor 6: files and arrays that are larger than memory, or that may be."""

import hashlib
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
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
AROUND = 2**16  # a page fault maps up to 64 KiB of the page cache, whatever was asked for


def file_key(path: Path) -> str:
    """What a file holds, in a word.

    Up to `LARGE` bytes the hash of the content. Beyond that reading all of it at every start would
    take longer than training: the key is size, time of the last change, and the hash of 64 blocks
    of 1 MiB, evenly spaced from the first byte to the last.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        found = path.stat()
        if found.st_size <= LARGE:
            return hashlib.file_digest(file, "blake2b").hexdigest()
        digest = hashlib.blake2b(f"{found.st_size} {found.st_mtime_ns}".encode())
        for i in range(SAMPLES):
            file.seek((found.st_size - SAMPLE) * i // (SAMPLES - 1))
            digest.update(file.read(SAMPLE))
        return digest.hexdigest()


class Mapped(Lazy):
    """An array in a file, memory-mapped, of which little stays resident.

    The pages that a process has touched count as its memory until the kernel needs them for
    something else. Here they are given back after each `LARGE` bytes; the next one that asks finds
    them in the page cache.

    Args:
        mapping: the whole file.
        array: a view of it, ``(N, *E)``.
    """

    def __init__(self, mapping: mmap.mmap, array: Array) -> None:
        super().__init__(array.shape, array.dtype)
        self._mapping, self._array, self._touched = mapping, array, 0
        mapping.madvise(mmap.MADV_RANDOM)  # reading ahead is wasted on shuffled examples

    @classmethod
    def open(cls, path: Path, offset: int, dtype: npt.DTypeLike, shape: tuple[int, ...]
             ) -> "Mapped":
        """The array that begins at a byte of a file, in C order."""
        with path.open("rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(mapping, np.ndarray(shape, dtype, buffer=mapping, offset=offset))

    def seen_as(self, view: Callable[[Array], Array]) -> "Mapped":
        """The same file with its axes in another order; ``view`` must not copy."""
        return type(self)(self._mapping, view(self._array))

    def __getitem__(self, index: npt.NDArray[np.int64] | slice) -> Array:
        """Copies of the examples; a slice is read ahead."""
        chosen = self._array[index]
        if isinstance(index, slice) and chosen.size:
            self._read_ahead(chosen)
        out = np.array(chosen, order="C") if isinstance(index, slice) \
            else np.ascontiguousarray(chosen)
        self._touched += out.nbytes + (AROUND if isinstance(index, slice) else AROUND * len(out))
        if self._touched > LARGE:
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        return out

    def _read_ahead(self, view: Array) -> None:
        start, stop = np.lib.array_utils.byte_bounds(view)
        base = np.frombuffer(self._mapping, np.uint8).__array_interface__["data"][0]
        first = (start - base) // mmap.PAGESIZE * mmap.PAGESIZE
        self._mapping.madvise(mmap.MADV_WILLNEED, first, stop - base - first)


def blocks(x: Array | Lazy) -> Iterator[Array]:
    """All examples in order, about 16 MiB at a time."""
    for at in row_blocks(x):
        yield x[at]


def row_blocks(x: Array | Lazy, most: int = 2**62) -> Iterator[slice]:
    """The rows of `blocks`, at most so many at a time."""
    row = max(1, int(np.prod(x.shape[1:])) * x.dtype.itemsize)
    step = min(most, max(1, BLOCK // row))
    for start in range(0, len(x), step):
        yield slice(start, start + step)


def map_npy(path: Path) -> Mapped | None:
    """A large ``.npy`` in C order, mapped; None for any other file.

    Raises:
        OSError, ValueError: it cannot be read, or is not what it should be.
    """
    if path.stat().st_size <= LARGE:
        return None
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(found, np.memmap) or not found.flags.c_contiguous:
        return None
    return Mapped.open(path, found.offset, found.dtype, found.shape)


def room(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """An empty array; a large one lies in a temporary file that vanishes with it.

    Raises:
        DataError: there is no room on the disk.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= LARGE:
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="vael-") as file:
            os.posix_fallocate(file.fileno(), 0, size)  # or a full disk would be a SIGBUS
            return np.ndarray(shape, dtype, buffer=mmap.mmap(file.fileno(), size))
    except OSError as error:
        raise DataError(f"decoding needs {size / 2**30:.1f} GiB in the folder for temporary files "
                        f"({tempfile.gettempdir()}): {error.strerror}; set TMPDIR to one with "
                        "enough room") from error
