"""An image data set of the Hugging Face hub, or a local copy of one."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from vael.data.cards import ON_HUB, DataCard, find_card
from vael.data.decode.hub_files import download, load_folder, parquet_files
from vael.data.decode.images import Broken, PictureOptions, Raw, decode_pictures, parse_pictures
from vael.data.decode.labels import number_classes
from vael.data.decode.split_names import SPLIT_NAMES
from vael.data.decode.values import describe_binary
from vael.data.on_disk import file_key
from vael.data.source import SPLITS, Array, Arrays, Decoded, Source, Split, parse_image_size
from vael.errors import ConfigError, DataError
from vael.files import expand_home

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features


class Hub(Source):
    """An image data set through ``datasets``: its official splits, 256 levels.

    Args:
        name: of the data set on the hub, ``owner/name``; used where there is no ``path``.
        path: of a local copy, a folder with the parquet files of the hub
            (``train-00000-of-00001.parquet``, also in a folder below it).
        image_column: column of the pictures; None: the one of type Image.
        label_column: column of the labels; None: the one of type ClassLabel, if there is one.
        image_size: N or [H, W] to resize to; needed where the pictures differ in size.
        revision: of the data set on the hub: a branch, a tag or a commit. A data set that was
            decoded once is not looked for again, so name a commit for one that changes.
        config: which of several data sets under one name; of a local copy the folder below it.
        split: name of the one split to use, as train (validation and test come out of it); or
            which of its splits are what: ``{train: extra, test: test}``. None: by their names.
        channels: see `vael.data.sources.folder.Folder`, as levels and broken.
        levels: 256 or 65536.
        broken: ``refuse`` or ``skip``.

    Raises:
        ConfigError: neither name nor path, or a split that cannot be one.
    """

    def __init__(
        self,
        name: str | None = None,
        path: str | None = None,
        image_column: str | None = None,
        label_column: str | None = None,
        image_size: int | Sequence[int] | None = None,
        revision: str | None = None,
        config: str | None = None,
        split: str | Mapping[str, str] | None = None,
        channels: int | None = None,
        levels: int | None = None,
        broken: Broken = "refuse",
    ) -> None:
        if not name and not path:
            raise ConfigError(
                "data=hub needs the name of a data set on the hub, data.name=OWNER/"
                "NAME, or a local copy of one, data.path=FOLDER; got neither"
            )
        for option, column in (("image_column", image_column), ("label_column", label_column)):
            if column is not None and not isinstance(column, str):
                raise ConfigError(
                    f"data.{option} must be null or the name of one column, got {column}"
                )
        self.name, self.revision, self.config = name, revision, config
        self.path = None if path is None else expand_home(path) / (config or "")
        self.split = _parse_split(split)
        self.image_column, self.label_column = image_column, label_column
        size = parse_image_size(image_size)
        self.options = parse_pictures(size, channels, levels, broken)

    def fingerprint(self) -> str:
        """Hash of the parquet files of a local copy; of a hub data set name and revision."""
        options = f"{self.image_column} {self.label_column} {self.options} {self.split}"
        if self.path is None:
            return f"{self.name} {self.config} {self.revision} {options}"
        digest = hashlib.blake2b()
        for file in parquet_files(self.path):
            try:
                content = file_key(file)
            except OSError as error:
                raise DataError(
                    f"data.path: {file} must be a file that can be read, but: {error.strerror}"
                ) from error
            digest.update(f"{file.relative_to(self.path)} {content}\n".encode())
        return f"{digest.hexdigest()} {options}"

    def describe(self) -> str:
        """Return the name on the hub, or the path of the local copy."""
        return str(self.name if self.path is None else self.path)

    def card(self) -> DataCard | None:
        """Return the card of a data set that is known by its name on the hub."""
        name = ON_HUB.get(self.name or "")
        if name is None or self.split or self.config:
            return None
        plain = self.options == PictureOptions() and not (self.image_column or self.label_column)
        return find_card(name, plain)

    def decode(self) -> Decoded:
        """Download where there is no local copy, and decode each picture."""
        where = f"data.name={self.name}" if self.path is None else f"data.path={self.path}"
        if self.path is None:
            assert self.name is not None
            return self._decoded(download(self.name, self.config, self.revision), where)
        with TemporaryDirectory(prefix="vael-") as folder:  # datasets' own copy, 1:1
            return self._decoded(load_folder(self.path, folder), where)

    def _decoded(self, tables: "DatasetDict", where: str) -> Decoded:
        splits = _official(tables, self.split, where)
        features = next(iter(splits.values())).features
        image = _column(features, "Image", self.image_column, "data.image_column", where)
        label = _column(features, "ClassLabel", self.label_column, "data.label_column", where)
        if image is None:
            raise DataError(
                f"{where}: there must be a column of type Image, got "
                f"{_listed(features)}; name one with data.image_column"
            )
        rows = {
            split: (
                partial(_rows, _raw(table, image, f"{where}, split {split}"), image),
                len(table),
            )
            for split, table in splits.items()
        }
        pictures, levels, notes = decode_pictures(rows, self.options, where)
        y: dict[Split, Array] = {}
        if label is not None:
            raw = {
                split: np.asarray(table.data.column(label).to_pylist())[pictures[split].kept]
                for split, table in splits.items()
            }
            # -1 throughout is the hub's way to say that a split has no labels
            known = {
                split: values
                for split, values in raw.items()
                if values.dtype.kind != "i" or not np.all(values == -1)
            }
            y = number_classes(known, f"{where}, column {label}", notes)
            notes += [
                f"split {split} has no labels: all are -1" for split in raw if split not in y
            ]
        parts = {split: Arrays(made.x, y.get(split)) for split, made in pictures.items()}
        notes += describe_binary(parts["train"].x)
        others = {
            name: feature for name, feature in features.items() if name not in (image, label)
        }
        if others:
            notes.append(
                f"columns that are not used: {_listed(others)} (data.label_column names labels)"
            )
        used = {id(table) for table in splits.values()}
        rest = [name for name, table in tables.items() if id(table) not in used]
        if rest:
            notes.append(f"splits that are not used: {', '.join(rest)} (choose with data.split)")
        return Decoded(
            parts["train"], levels, parts.get("val"), parts.get("test"), notes=tuple(notes)
        )


def _parse_split(split: str | Mapping[str, str] | None) -> dict[Split, str]:
    """Parse which split of the data set is which of ours; empty: by their names."""
    if split is None:
        return {}
    if isinstance(split, str):
        return {"train": split}
    given = dict(split) if isinstance(split, Mapping) else {}
    found: dict[Split, str] = {ours: given[ours] for ours in SPLITS if ours in given}
    if (
        "train" not in found
        or len(found) != len(given)
        or not all(isinstance(name, str) for name in found.values())
    ):
        raise ConfigError(
            "data.split must be null, the name of the split to train on, or names "
            f"for train and, if wanted, val and test, got {split!r}; for instance "
            "data.split={train: train, test: validation}"
        )
    return found


def _official(
    tables: "DatasetDict", chosen: Mapping[Split, str], where: str
) -> dict[Split, "Dataset"]:
    """Return the splits by our names; a single one of any name is train."""
    for name in chosen.values():
        if name not in tables:
            raise ConfigError(
                f"data.split must name splits of {where}, got {name}; there are: "
                f"{', '.join(tables)}"
            )
    if not chosen and len(tables) == 1:
        return {"train": next(iter(tables.values()))}
    found = {split: tables[name] for split, name in chosen.items()}
    for name in tables if not chosen else ():
        split = SPLIT_NAMES.get(name.lower())
        if split in found:
            raise ConfigError(
                f"{where} has several splits for {split}: {', '.join(tables)}; choose with "
                "data.split, for instance data.split={train: train, test: test}"
            )
        if split is not None:
            found[split] = tables[name]
    if "train" not in found:
        raise DataError(
            f"{where}: there must be a split named train, got {', '.join(tables)}; "
            "choose one with data.split"
        )
    for split, table in found.items():
        if len(table) == 0:
            raise DataError(
                f"{where}: each split must have at least 1 example, but {split} has "
                "none; choose others with data.split"
            )
    return found


def _column(
    features: "Features", kind: str, given: str | None, option: str, where: str
) -> str | None:
    """Return the column that was asked for, or the only one of a type."""
    if given is not None:
        if given not in features:
            raise ConfigError(
                f"{option} must be a column of {where}, got {given}; there are {_listed(features)}"
            )
        return given
    found = [name for name, feature in features.items() if type(feature).__name__ == kind]
    if len(found) > 1:
        raise ConfigError(
            f"{where} has {len(found)} columns of type {kind}: {', '.join(found)}; "
            f"choose one with {option}"
        )
    return found[0] if found else None


def _listed(features: Mapping[str, object]) -> str:
    return ", ".join(f"{name} ({type(feature).__name__})" for name, feature in features.items())


def _raw(table: "Dataset", column: str, where: str) -> "Dataset":
    """Return the encoded pictures of a column."""
    import datasets

    try:
        return table.select_columns(column).cast_column(column, datasets.Image(decode=False))
    except Exception as error:  # pyarrow: a column that cannot hold pictures
        raise ConfigError(
            f"data.image_column={column} must hold pictures, but is "
            f"{table.features[column]}; {where}"
        ) from error


def _rows(table: "Dataset", column: str) -> Iterator[Raw]:
    for block in table.with_format("arrow").iter(1000):
        for chunk in block.column(column).chunks:
            for content, path in zip(chunk.field("bytes"), chunk.field("path"), strict=True):
                if content.is_valid:
                    yield memoryview(content.as_buffer())
                else:
                    yield str(path) if path.is_valid else None
