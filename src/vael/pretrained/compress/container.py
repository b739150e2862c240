"""The file of a compressed data set: a digest, a header in JSON, and the words."""

import hashlib
import importlib.metadata
import json
import platform
import struct
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from vael.errors import ConfigError, DataError
from vael.pretrained.compress.codec import MOST_ROWS
from vael.pretrained.compress.coder import Message, Words

MAGIC = b"vael-bb\x01"
FORMAT = 1
START = struct.Struct("<8s32sI")  # magic, SHA-256 of all after it, length of the header
PACKAGES = ("vael", "torch", "numpy", "scipy", "constriction")  # whose last bits count


@dataclass(frozen=True)
class Header:
    """What a decoder must know, beside the model.

    Attributes:
        shape: E, of one example.
        levels: of each dimension.
        count: N, of the examples.
        binarize: what was done to them before: ``none``, or as in ``data.binarize``.
        rows: of every evaluation of the nets.
        blocks: ``(size, times)`` of the blocks of examples, in the order of coding.
        kept: initial words that the decoder makes itself.
        run: where the model was.
        checkpoint: of that run.
        model: hash of its weights.
        probe: hash of its probabilities at inputs that a seed gives.
        versions: of the packages that they come from.
        examples: hash of the level numbers.
        format: of the file.
    """

    shape: tuple[int, ...]
    levels: int
    count: int
    binarize: str
    rows: int
    blocks: tuple[tuple[int, int], ...]
    kept: int
    run: str
    checkpoint: str
    model: str
    probe: str
    versions: dict[str, str]
    examples: str
    format: int = FORMAT

    @property
    def sizes(self) -> tuple[int, ...]:
        """The size of each block."""
        return tuple(size for size, times in self.blocks for _ in range(times))


@dataclass(frozen=True)
class Container:
    """Hold a file's content.

    Attributes:
        header: its header.
        words: of the stack.
    """

    header: Header
    words: Words

    @property
    def message(self) -> Message:
        """What the decoder takes: the initial bits and the bound are not in the file."""
        return Message(self.words, self.header.sizes, self.header.kept, 0, 0.0)


def pack(header: Header, words: Words) -> bytes:
    """Return the bytes of a file."""
    head = json.dumps(asdict(header), separators=(",", ":")).encode()
    rest = struct.pack("<I", len(head)) + head + words.astype("<u4").tobytes()
    return MAGIC + hashlib.sha256(rest).digest() + rest


def unpack(content: bytes, path: Path) -> Container:
    """Read a file's content.

    Raises:
        DataError: it is damaged, cut off, or none of vael.
        ConfigError: another version of vael has written it.
    """
    if not content.startswith(MAGIC[:-1]):
        raise DataError(f"{path} must be a file of vael compress, but it begins otherwise.")
    if len(content) > START.size and not content.startswith(MAGIC):
        raise ConfigError(
            f"{path} must be of format {FORMAT}, but another version of vael has written it: "
            "decompress it with that one."
        )
    try:
        _, digest, length = START.unpack_from(content)
        if hashlib.sha256(content[len(MAGIC) + 32 :]).digest() != digest:
            raise ValueError("its digest is not that of its content")
        end = START.size + length
        header = _parse(json.loads(content[START.size : end]))
        words = np.frombuffer(content[end:], "<u4").astype(np.uint32)
    except (struct.error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(
            f"{path} is damaged or cut off ({error}): nothing was taken from it; get it again."
        ) from error
    return Container(header, words)


def count_blocks(sizes: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return runs of equal sizes as (size, times)."""
    return tuple((size, len(list(run))) for size, run in groupby(sizes))


def used_versions() -> dict[str, str]:
    """Return the versions that the last bits of the probabilities depend on."""
    found = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **found}


def _parse(read: Any) -> Header:
    """Return the header of a mapping that may hold anything.

    Raises:
        ValueError, TypeError, KeyError: it is not what `pack` writes.
    """
    header = Header(**{field.name: read[field.name] for field in fields(Header)})
    shape = tuple(_whole(size, 1) for size in header.shape)
    blocks = tuple((_whole(size, 1), _whole(times, 1)) for size, times in header.blocks)
    _whole(header.count, 1)
    _whole(header.levels, 2)
    _whole(header.kept, 0)
    if not _whole(header.rows, 1) <= MOST_ROWS or max(map(prod, blocks)) > header.count:
        raise ValueError("its blocks are none")
    if sum(map(prod, blocks)) != header.count or max(blocks)[0] > header.rows:
        raise ValueError("its blocks are not its examples")
    texts = (header.binarize, header.run, header.checkpoint, header.model, header.probe)
    versions = dict(header.versions)
    if not all(isinstance(text, str) for text in (*texts, header.examples, *versions.values())):
        raise ValueError("its names are no texts")
    values = {field.name: getattr(header, field.name) for field in fields(Header)}
    return Header(**{**values, "shape": shape, "blocks": blocks, "versions": versions})


def _whole(value: object, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{value!r} is no whole number >= {least}")
    return value
