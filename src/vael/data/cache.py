"""Floor 6: a data set is decoded once, into memory-mapped files under a key of its content.

An entry appears whole or not at all: it is written beside its place, flushed to the disk and
renamed. So a killed process leaves nothing that could be read by mistake, and of two processes
that decode at the same time the later one throws its work away. A lock keeps that rare; where the
file system has no locks, nothing else is lost.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from vael.data.source import SPLITS, Array, Arrays, Decoded, Source, Split, check_decoded
from vael.errors import DataError

FORMAT = 1  # raise it when any source decodes the same input to other arrays
META = "meta.json"


@dataclass(frozen=True)
class Cached:
    """A decoded data set out of the cache; the arrays are memory-mapped.

    Attributes:
        data: the arrays.
        content: hash of the decoded arrays: what the data *is*, wherever it came from.
        num_classes: one more than the highest label, or None without labels.
        path: the folder of the entry.
    """

    data: Decoded
    content: str
    num_classes: int | None
    path: Path


def cache_root(cache_dir: str | None = None) -> Path:
    """``data.cache_dir``, or the environment's ``VAEL_CACHE``, or ``~/.cache/vael``."""
    chosen = cache_dir or os.environ.get("VAEL_CACHE") or "~/.cache/vael"
    return Path(chosen).expanduser()


def load(source: Source, root: Path) -> Cached:
    """The decoded data of a source, out of the cache or freshly put into it.

    Raises:
        DataError: the source cannot be decoded, the cache cannot be written, or its entry is not
            what was written there.
    """
    who = type(source).__qualname__
    digest = _hash(f"{FORMAT} {type(source).__module__}.{who} {source.fingerprint()}")
    entry = root / digest
    if entry.exists():  # also in a folder where this user may not write
        return _read(entry)
    with _writable(root):
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / f"{digest}.lock").open("a")
    with lock:
        locked = _lock(lock)
        if not entry.exists():
            data = source.decode()
            check_decoded(data, who)
            with _writable(root):
                _write(data, entry, who, sweep=locked)
    return _read(entry)


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@contextmanager
def _writable(root: Path) -> Iterator[None]:
    """Says what is wrong with the cache where it cannot be written."""
    try:
        yield
    except OSError as error:
        raise DataError(f"the data cache must be a folder that can be written, got {root}: "
                        f"{error.strerror or error}; set data.cache_dir or VAEL_CACHE to one with "
                        "enough room") from error


def _lock(file: IO[str]) -> bool:
    """Wait for the lock, until the file is closed; the kernel frees it when its holder dies."""
    with suppress(OSError):  # some network file systems have no locks
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    return False


def _write(data: Decoded, entry: Path, who: str, sweep: bool) -> None:
    """Put one entry in its place, atomically."""
    prefix = f".{entry.name}-"
    if sweep:  # under the lock, whatever lies there was left by a killed process
        for stale in entry.parent.glob(f"{prefix}*"):
            shutil.rmtree(stale, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=entry.parent))
    try:
        work.chmod(0o755)  # mkdtemp's 0700 would keep other users of a shared cache out
        content, shapes = hashlib.blake2b(digest_size=16), {}
        for split, part in data.parts.items():
            for axis, array in (("x", part.x), ("y", part.y)):
                if array is not None:
                    name = f"{split}_{axis}"
                    array = np.ascontiguousarray(array)
                    shapes[name] = [array.dtype.str, *array.shape]
                    content.update(f"{name} {shapes[name]} {data.levels}".encode())
                    content.update(array.data)
                    with (work / f"{name}.npy").open("wb") as file:
                        np.save(file, array)
                        file.flush()
                        os.fsync(file.fileno())
        labels = [int(part.y.max()) for part in data.parts.values() if part.y is not None]
        meta = {"format": FORMAT, "source": who, "content": content.hexdigest(),
                "levels": data.levels, "num_classes": max(labels) + 1 if labels else None,
                "arrays": shapes}
        with (work / META).open("w") as text:
            json.dump(meta, text, indent=1)
            text.flush()
            os.fsync(text.fileno())
        _flush_folder(work)
        try:
            os.rename(work, entry)
        except OSError:
            if not entry.exists():  # nobody was faster: a real failure
                raise
        _flush_folder(entry.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(entry: Path) -> Cached:
    """Map one entry into memory."""
    try:
        meta = json.loads((entry / META).read_text())
        if meta["format"] != FORMAT:
            raise ValueError(f"format {meta['format']}, not {FORMAT}")
        arrays = {name: _map(entry / f"{name}.npy", *expected)
                  for name, expected in meta["arrays"].items()}
        parts: dict[Split, Arrays] = {
            split: Arrays(arrays[f"{split}_x"], arrays.get(f"{split}_y"))
            for split in SPLITS if f"{split}_x" in arrays
        }
        data = Decoded(parts["train"], meta["levels"], parts.get("val"), parts.get("test"))
        return Cached(data, meta["content"], meta["num_classes"], entry)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise DataError(f"the cache entry {entry} must hold what vael wrote there, but cannot be "
                        f"read ({type(error).__name__}: {error}); remove that folder, or set "
                        "data.cache_dir to another one") from error


def _map(path: Path, dtype: str, *shape: int) -> Array:
    mapped: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    if mapped.dtype.str != dtype or mapped.shape != shape:
        raise ValueError(f"{path.name} is {mapped.dtype.str} {mapped.shape}, "
                         f"not {dtype} {shape}")
    plain: Array = mapped.view(np.ndarray)  # np.memmap's own indexing is several times slower
    return plain
