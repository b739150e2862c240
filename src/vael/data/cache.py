"""Cache of decoded data: memory-mapped files under a key of their content.

An entry appears whole or not at all: it is written beside its place, flushed to the disk and
renamed. So a killed process leaves nothing that could be read by mistake, and of two processes
that decode at the same time the later one throws its work away. A lock keeps that rare; where the
file system has no locks, nothing else is lost.

Examples that are drawn, or that stay in a large file (`vael.data.source.Lazy`), are not copied:
their entry says that they were checked, and holds all else.
"""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vael.data import on_disk
from vael.data.source import SPLITS, Array, Arrays, Decoded, Lazy, Source, Split, check_decoded
from vael.errors import DISK_FULL, DataError
from vael.files import expand_home, lock_file

FORMAT = 4  # raise it when any source decodes the same input to other arrays
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
    """Return ``data.cache_dir``, or the environment's ``VAEL_CACHE``, or ``~/.cache/vael``."""
    chosen = cache_dir or os.environ.get("VAEL_CACHE") or "~/.cache/vael"
    return expand_home(chosen)


def load_decoded(source: Source, root: Path) -> Cached:
    """Load the decoded data of a source from the cache, which is filled where it lacks it.

    Raises:
        DataError: the source cannot be decoded, the cache cannot be written, or its entry is not
            what was written there.
    """
    who = type(source).__qualname__
    fingerprint = source.fingerprint()
    key = f"{FORMAT} {type(source).__module__}.{who} {fingerprint}"
    digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    entry = root / digest
    if entry.exists():  # also in a folder where this user may not write
        return _read(entry, source)
    with _writable(root):
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / f"{digest}.lock").open("a")
    with lock:
        locked = False
        with suppress(OSError):  # some network file systems have no locks
            locked = lock_file(lock)
        if not entry.exists():
            data = source.decode()
            check_decoded(data, who)
            with _writable(root, _size(data)):
                _write(data, entry, who, sweep=locked, key=fingerprint)
    return _read(entry, source)


@contextmanager
def _writable(root: Path, needed: int = 0) -> Iterator[None]:
    """Say what is wrong with a cache that cannot be written, and how much a full one lacks."""
    try:
        yield
    except OSError as error:
        room = ""
        if error.errno in DISK_FULL and needed:
            free = shutil.disk_usage(root).free
            room = f" (it needs {needed / 2**20:.3g} MiB, {free / 2**20:.3g} MiB are free)"
        raise DataError(
            f"the data cache must be a folder that can be written, got {root}: "
            f"{error.strerror or error}{room}; set data.cache_dir or VAEL_CACHE to "
            "one with enough room"
        ) from error


def _size(data: Decoded) -> int:
    """Return the bytes of the arrays that go to the disk."""
    arrays = [array for part in data.parts.values() for array in (part.x, part.y, part.factors)]
    return sum(
        math.prod(array.shape) * array.dtype.itemsize
        for array in arrays
        if array is not None and (array.keep if isinstance(array, Lazy) else True)
    )


def _write(data: Decoded, entry: Path, who: str, sweep: bool, key: str = "") -> None:
    """Put one entry in its place, atomically; of lazy examples the content is the key."""
    prefix = f".{entry.name}-"
    if sweep:  # under the lock, whatever lies there was left by a killed process
        for stale in entry.parent.glob(f"{prefix}*"):
            shutil.rmtree(stale, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=entry.parent))
    try:
        work.chmod(0o755)  # mkdtemp's 0700 would keep other users of a shared cache out
        content, shapes = hashlib.blake2b(digest_size=16), {}
        for split, part in data.parts.items():
            for axis, array in (("x", part.x), ("y", part.y), ("factors", part.factors)):
                if array is not None:
                    name = f"{split}_{axis}"
                    shapes[name] = [array.dtype.str, *array.shape]
                    content.update(f"{name} {shapes[name]} {data.levels}".encode())
                    if isinstance(array, Lazy) and not array.keep:
                        content.update(f"{who} {key}".encode())
                    else:
                        _save(work / f"{name}.npy", array, content)
        labels = [int(part.y.max()) for part in data.parts.values() if part.y is not None]
        meta = {
            "format": FORMAT,
            "source": who,
            "content": content.hexdigest(),
            "levels": data.levels,
            "num_classes": max(labels) + 1 if labels else None,
            "arrays": shapes,
            "factors": data.factors,
            "columns": data.columns,
            "missing": data.missing,
            "constant": data.constant,
            "support": data.support,
            "notes": data.notes,
        }
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


def _save(path: Path, array: Array | Lazy, content: hashlib.blake2b) -> None:
    """Write what numpy.save would, by blocks: the array may be in a file and in any order."""
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in on_disk.iterate_blocks(array):
            plain = np.ascontiguousarray(block)
            content.update(plain.data)
            file.write(plain.data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(entry: Path, source: Source) -> Cached:
    """Map one entry into memory; large arrays stay in their files."""
    lazy = source.lazy()
    try:
        meta = json.loads((entry / META).read_text())
        if meta["format"] != FORMAT:
            raise ValueError(f"format {meta['format']}, not {FORMAT}")
        arrays: dict[str, Any] = {f"{split}_x": x for split, x in lazy.items()}
        for name, (dtype, *shape) in meta["arrays"].items():
            if name not in arrays:
                arrays[name] = _map(entry / f"{name}.npy")
            found = arrays[name]
            if found.dtype.str != dtype or found.shape != tuple(shape):
                raise ValueError(
                    f"{name} is {found.dtype.str} {found.shape}, not {dtype} {tuple(shape)}"
                )
        parts: dict[Split, Arrays] = {
            split: Arrays(
                arrays[f"{split}_x"], arrays.get(f"{split}_y"), arrays.get(f"{split}_factors")
            )
            for split in SPLITS
            if f"{split}_x" in arrays
        }
        data = Decoded(
            parts["train"],
            meta["levels"],
            parts.get("val"),
            parts.get("test"),
            tuple((name, size) for name, size in meta["factors"]),
            tuple(meta["columns"]),
            meta["missing"],
            meta["constant"],
            meta["support"],
            tuple(meta["notes"]),
        )
        return Cached(data, meta["content"], meta["num_classes"], entry)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise DataError(
            f"the cache entry {entry} must hold what vael wrote there, but cannot be "
            f"read ({type(error).__name__}: {error}); remove that folder, or set "
            "data.cache_dir to another one"
        ) from error


def _map(path: Path) -> Array | Lazy:
    stored = on_disk.open_npy(path)
    if stored is not None:
        return stored
    plain: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return plain.view(np.ndarray)  # np.memmap's own indexing is several times slower
