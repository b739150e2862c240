"""Find the arrays of each split in an ``.npz`` or ``.npy`` file."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vael.data.decode.image_masks import list_mask_names
from vael.data.decode.split_names import ArrayName, Kind, read_array_name
from vael.data.source import SPLITS, Array, Split
from vael.errors import ConfigError, DataError, VaelError

Given = Mapping[Split, str | None]


def option_name(split: Split, kind: str) -> str:
    """Return the setting that names an array: ``data.key``, ``data.test_label_key``."""
    return f"data.{kind}" if split == "train" else f"data.{split}_{kind}"


def parse_names(kind: str, given: Mapping[Split, object]) -> Given:
    """Parse names of arrays or columns; Hydra makes numbers of those that look like it.

    Args:
        kind: of the setting, ``key`` or ``label_key``.
        given: by split.

    Raises:
        ConfigError: one of them is no name.
    """
    for split, name in given.items():
        if name is not None and (isinstance(name, bool) or not isinstance(name, str | int)):
            raise ConfigError(
                f"{option_name(split, kind)} must be null or one name (an example has "
                f"one label), got {name}; choose one"
            )
    return {split: None if name is None else str(name) for split, name in given.items()}


def read_arrays(
    path: Path, keys: Given, label_keys: Given, masked: bool = False
) -> tuple[dict[Split, Array], dict[Split, Array], list[str]]:
    """Return raw values and raw labels of each split, and a line about what is left over.

    Where one key is given, only the arrays that are named are used; otherwise those of the usual
    names, or the only one. With ``masked`` masks of images are for others to read.

    Raises:
        ConfigError: no array has the name that was given, or several could be meant.
        DataError: not a file of numbers.
    """
    try:
        with path.open("rb") as file:  # numpy forgets to close a broken one
            loaded = np.load(file, allow_pickle=False)
            array = isinstance(loaded, np.ndarray)
            if array != (path.suffix.lower() == ".npy"):
                found = ".npy" if array else ".npz"
                raise DataError(
                    f"data.path={path} must be what its ending says, but its content is that of "
                    f"an {found} file; rename it to {path.stem}{found}"
                )
            if array:
                return {"train": loaded}, {}, []
            masks = {n for split in SPLITS for n in list_mask_names(split)} if masked else set()
            files = [name for name in loaded.files if name not in masks]
            names = _given(loaded.files, keys, "key", path) or _usual(files, path)
            tags = _given(loaded.files, label_keys, "label_key", path)
            if not tags and not any(keys.values()):
                tags = _known(loaded.files, "labels", path)
            for split in tags:
                if label_keys[split] and split not in names:
                    raise ConfigError(
                        f"{option_name(split, 'label_key')}={tags[split]} needs examples "
                        f"of {path}: name them with {option_name(split, 'key')}"
                    )
            _check_room(loaded.zip, {*names.values(), *tags.values()}, path)
            tags = {split: name for split, name in tags.items() if split in names}
            first = names.get("train", "")
            read = read_array_name(first)
            alone = not keys["train"] and read is not None and read.split != "train"
            rest = sorted(set(files) - {*names.values(), *tags.values()})
            notes = [f"not used: {', '.join(rest)} ({_options(rest, keys)})"] if rest else []
            if alone:
                notes.append(f"{first} is the only array of examples, so it is trained on")
            return (
                {split: _array(loaded, name) for split, name in names.items()},
                {split: _array(loaded, name) for split, name in tags.items()},
                notes,
            )
    except VaelError:
        raise
    except Exception as error:  # what numpy, zipfile and zlib say of a damaged file is anything
        text = str(error) or type(error).__name__
        reason = f"it is truncated or another format ({text})"
        if "pickled" in text:  # numpy's words advise to load it unsafely
            reason = "it is truncated or another format"
        elif "Object arrays" in text:
            reason = "it holds Python objects, which are not loaded because they could run code"
        elif isinstance(error, MemoryError):
            reason = f"it says that it holds more than fits into memory ({text})"
        raise DataError(
            f"data.path={path} must be a {path.suffix} file of numbers, but {reason}; "
            "save it anew, with numpy.save or savez"
        ) from error


def _array(loaded: Mapping[str, object], name: str) -> Array:
    """Return an array of an archive; of a member that is none, numpy returns the bytes."""
    found = loaded[name]
    if not isinstance(found, np.ndarray):
        raise ValueError(f"{name} is not an array")
    return found


def _check_room(archive: zipfile.ZipFile, names: set[str], path: Path) -> None:
    """Refuse an archive whose arrays are larger than the memory: some kB can become terabytes."""
    size = sum(
        info.file_size
        for info in archive.infolist()
        if info.filename.removesuffix(".npy") in names
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size > memory:
        raise DataError(
            f"data.path={path} must fit into memory, but its arrays take {size / 2**30:.3g} GiB "
            f"of {memory / 2**30:.3g}; save them as .npy, which is read piece by piece"
        )


def _given(files: list[str], given: Given, kind: str, path: Path) -> dict[Split, str]:
    """Return the arrays that were asked for."""
    found = {split: name for split, name in given.items() if name is not None}
    for split, name in found.items():
        if name not in files:
            raise ConfigError(
                f"{option_name(split, kind)} must be an array of {path}, got {name}; "
                f"there are: {_listed(files)}"
            )
    if found and kind == "key" and "train" not in found:
        raise ConfigError(
            f"data.key must name the training examples of {path} where "
            f"{option_name(next(iter(found)), kind)} names others, got null; there are: "
            f"{_listed(files)}"
        )
    return found


def _usual(files: list[str], path: Path) -> dict[Split, str]:
    """Return the examples by their usual names, or the only array that is no label."""
    found = _known(files, "examples", path)
    if "train" not in found:
        others = [name for name in files if not _is(name, "labels")]
        if len(others) != 1:
            raise ConfigError(
                f"{path} must have one array, or usual names such as x_train, x_val, x_test, "
                f"y_train; there are: {_listed(files)}; choose one with data.key=NAME (and "
                "data.val_key, data.test_key, data.label_key)"
            )
        return {"train": others[0]}
    return found


def _known(files: list[str], kind: Kind, path: Path) -> dict[Split, str]:
    """Return the arrays of a kind by their split, where the name says it."""
    found: dict[Split, str] = {}
    for split in SPLITS:
        present = [name for name in files if read_array_name(name) == ArrayName(kind, split)]
        if len(present) > 1:
            option = option_name(split, "label_key" if kind == "labels" else "key")
            raise ConfigError(
                f"{path} has several arrays that could be the {split} {kind}: "
                f"{', '.join(present)}; choose one with {option}=NAME"
            )
        if present:
            found[split] = present[0]
    return found


def _is(name: str, kind: Kind) -> bool:
    read = read_array_name(name)
    return read is not None and read.kind == kind


def _options(rest: list[str], keys: Given) -> str:
    """Say how what is left over could be used."""
    if keys["train"] is not None:
        return "with data.key, only what is named is used"
    known = [read for name in rest if (read := read_array_name(name)) is not None]
    if any(read.kind == "labels" for read in known):
        return "labels without their examples"
    return "name arrays with data.key, data.val_key, data.test_key, data.label_key"


def _listed(files: list[str]) -> str:
    return ", ".join(files) or "no arrays"
