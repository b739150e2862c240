"""A folder of pictures, with or without folders of splits and of classes in it."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vael.data.decode.images import Broken, Raw, decode_pictures, parse_pictures
from vael.data.decode.labels import number_classes
from vael.data.decode.split_names import SPLIT_NAMES
from vael.data.decode.values import describe_binary
from vael.data.source import Array, Arrays, Decoded, Source, Split, parse_image_size
from vael.errors import ConfigError, DataError
from vael.files import expand_home

SHOWN = 10  # classes
UNREADABLE = {"BUFR", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow knows their names, not their pixels


class Folder(Source):
    """Pictures in files of any format that Pillow reads: 256 levels.

        data.path/                  data.path/              data.path/
          train/cat/*.png             cat/**/*.jpg            *.png
          train/dog/*.png             dog/**/*.jpg
          val/... test/...

    Folders named train, val (valid, validation) and test are the official splits. Below that,
    folders are classes, numbered in the order of their names over all splits together. Files with
    another ending than that of a picture, and hidden ones, are passed over.

    Colour, alpha, orientation and resizing: `vael.data.decode.images`.

    Args:
        path: of the folder.
        image_size: N or [H, W] to resize to; needed where the pictures differ in size.
        channels: 1 (grey), 3 (colour) or 4 (colour and alpha); None: 1 or 3, as they need.
        levels: 65536 to keep all of 16 bits, 256 for the upper 8; None: 256, and pictures of 16
            bits are refused.
        broken: ``refuse`` pictures that cannot be read, or ``skip`` them and say which.

    Raises:
        ConfigError: an option that cannot work.
    """

    def __init__(
        self,
        path: str | None = None,
        image_size: int | Sequence[int] | None = None,
        channels: int | None = None,
        levels: int | None = None,
        broken: Broken = "refuse",
    ) -> None:
        if not path:
            raise ConfigError("data=folder needs data.path=FOLDER, a folder of pictures; got none")
        self.path = expand_home(path)
        size = parse_image_size(image_size)
        self.options = parse_pictures(size, channels, levels, broken)

    def fingerprint(self) -> str:
        """Hash of the names, sizes and times of the files: reading all would take too long."""
        digest = hashlib.blake2b()
        for split, files in self._find().items():
            for file, _ in files:
                found = _stat(file)
                digest.update(
                    f"{split} {file.relative_to(self.path)} {found.st_size} "
                    f"{found.st_mtime_ns}\n".encode(errors="surrogateescape")
                )
        return f"{digest.hexdigest()} {self.options}"

    def describe(self) -> str:
        """Return the path of the folder."""
        return str(self.path)

    def decode(self) -> Decoded:
        """Decode each picture."""
        found = self._find()
        where = f"data.path={self.path}"
        rows = {split: (partial(_paths, files), len(files)) for split, files in found.items()}
        pictures, levels, notes = decode_pictures(rows, self.options, where)
        names = {
            split: np.array([files[row][1] for row in pictures[split].kept])
            for split, files in found.items()
            if files[0][1] is not None
        }
        y = number_classes(names, where, notes)
        notes += _describe_classes(names)
        parts = {split: Arrays(made.x, y.get(split)) for split, made in pictures.items()}
        notes += describe_binary(parts["train"].x) + self._passed_over(found)
        return Decoded(
            parts["train"], levels, parts.get("val"), parts.get("test"), notes=tuple(notes)
        )

    def _passed_over(self, found: Mapping[Split, Sequence[tuple[Path, str | None]]]) -> list[str]:
        """Return the lines about files that are no pictures, and folders that hold none."""
        used = {file for files in found.values() for file, _ in files}
        inside = {self.path, *(folder for file in used for folder in file.parents)}
        others, empty = [], []
        for folder, below, names in os.walk(self.path):
            others += [Path(folder, name) for name in names if Path(folder, name) not in used]
            if Path(folder) in inside:
                empty += [Path(folder, name) for name in below if not name.startswith(".")]
        empty = [folder for folder in empty if folder not in inside]
        kinds = (
            (others, "other files, hidden or no pictures,"),
            (empty, "folders without pictures, or links to folders,"),
        )
        return [
            f"{len(paths)} {kind} are passed over ({min(paths).relative_to(self.path)}, ...)"
            for paths, kind in kinds
            if paths
        ]

    def _find(self) -> dict[Split, list[tuple[Path, str | None]]]:
        """Return the files of each split in the order of their names, each with its class."""
        if not self.path.is_dir():
            file = "is a file: one of numbers is data=array"
            raise DataError(
                f"data.path must be a folder of pictures, but {self.path.absolute()} "
                f"{file if self.path.exists() else 'does not exist'}"
            )
        endings = _endings()
        folders = {folder.name: folder for folder in _folders(self.path)}
        named: dict[Split, Path] = {}
        for name, folder in folders.items():
            split = SPLIT_NAMES.get(name.lower())
            if split in named:
                raise DataError(
                    f"data.path={self.path} must have one folder for a split, got "
                    f"{named[split].name} and {name} for {split}; move one away"
                )
            if split is not None:
                named[split] = folder
        if not named:
            return {"train": _classes(self.path, endings)}
        if "train" not in named:
            raise DataError(
                f"data.path={self.path} must have a folder named train beside "
                f"{', '.join(folder.name for folder in named.values())}, got none"
            )
        inside = set(named.values())
        stray = [
            path
            for path in (self.path, *(f for f in folders.values() if f not in inside))
            if next(_pictures(path, endings, deep=path != self.path), None)
        ]
        if stray:
            raise DataError(
                f"data.path={self.path} has folders of splits, so all pictures must be in folders "
                f"of splits (train, val, test), but there are some in {stray[0]}; move them"
            )
        order: tuple[Split, ...] = ("train", "val", "test")
        return {split: _classes(named[split], endings) for split in order if split in named}


def _describe_classes(names: Mapping[Split, Array]) -> list[str]:
    """Return the line about which folder is which class."""
    kinds = sorted({str(name) for each in names.values() for name in each})
    shown = ", ".join(f"{name} = {at}" for at, name in enumerate(kinds[:SHOWN]))
    more = ", ..." if len(kinds) > SHOWN else ""
    return [f"folders are classes: {shown}{more}"] if kinds else []


def _paths(files: Sequence[tuple[Path, str | None]]) -> Iterator[Raw]:
    return (str(file) for file, _ in files)


def _stat(file: Path) -> os.stat_result:
    """Return the stat of a regular file: to read a pipe would wait for ever.

    Raises:
        DataError: it is none.
    """
    try:
        found = file.stat()
    except OSError as error:
        raise DataError(
            f"{file} must be a picture, but cannot be read: {error.strerror}; remove "
            "it (data.path)"
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise DataError(
            f"{file} must be a picture, but is not a regular file; remove it (data.path)"
        )
    return found


def _classes(path: Path, endings: frozenset[str]) -> list[tuple[Path, str | None]]:
    """Return the pictures of one split, by class where it has folders."""
    loose: list[tuple[Path, str | None]] = [
        (file, None) for file in _pictures(path, endings, deep=False)
    ]
    sorted_in: list[tuple[Path, str | None]] = [
        (file, folder.name)
        for folder in _folders(path)
        for file in _pictures(folder, endings, deep=True)
    ]
    if loose and sorted_in:
        raise DataError(
            f"{path} must hold pictures, or folders of pictures (classes), but not both, got "
            f"{loose[0][0].name} beside {sorted_in[0][1]}/; move one away (data.path)"
        )
    if not loose and not sorted_in:
        raise DataError(
            f"{path} must hold pictures, in it or in folders (classes), but has none "
            "of an ending that Pillow knows (png, jpg, webp, ...); see data.path"
        )
    return loose or sorted_in


def _folders(path: Path) -> list[Path]:
    return sorted(f for f in path.iterdir() if f.is_dir() and not f.name.startswith("."))


def _pictures(path: Path, endings: frozenset[str], deep: bool) -> Iterator[Path]:
    for folder, below, names in os.walk(path, onerror=_refuse):
        below[:] = sorted(name for name in below if deep and not name.startswith("."))
        for name in sorted(names):
            if os.path.splitext(name)[1].lower() in endings and not name.startswith("."):
                yield Path(folder, name)


def _refuse(error: OSError) -> None:
    raise DataError(
        f"{error.filename} must be a folder that can be read, but: {error.strerror}; see data.path"
    )


def _endings() -> frozenset[str]:
    from PIL import Image

    return frozenset(
        ending
        for ending, kind in Image.registered_extensions().items()
        if kind in Image.OPEN and kind not in UNREADABLE
    )
