"""Floor 6: any image data set of the Hugging Face hub, or a local copy of one."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from vael.data.images import Raw, decode
from vael.data.labels import class_numbers
from vael.data.source import Array, Arrays, Decoded, Source, Split, parse_image_size
from vael.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features

NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train",), "val": ("validation", "valid", "val"), "test": ("test",),
}
PROBE_SECONDS = 5


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

    Raises:
        ConfigError: neither name nor path.
    """

    def __init__(
        self, name: str | None = None, path: str | None = None, image_column: str | None = None,
        label_column: str | None = None, image_size: int | Sequence[int] | None = None,
        revision: str | None = None,
    ) -> None:
        if not name and not path:
            raise ConfigError("data=hub needs the name of a data set on the hub, data.name=OWNER/"
                              "NAME, or a local copy of one, data.path=FOLDER; got neither")
        self.name, self.revision = name, revision
        self.path = None if path is None else Path(path).expanduser()
        self.image_column, self.label_column = image_column, label_column
        self.image_size = parse_image_size(image_size)

    def fingerprint(self) -> str:
        """Hash of the parquet files of a local copy; of a hub data set name and revision."""
        options = f"{self.image_column} {self.label_column} {self.image_size}"
        if self.path is None:
            return f"{self.name} {self.revision} {options}"
        digest = hashlib.blake2b()
        for file in _parquet_files(self.path):
            try:
                with file.open("rb") as opened:
                    content = hashlib.file_digest(opened, "blake2b").hexdigest()
            except OSError as error:
                raise DataError(f"data.path: {file} must be a file that can be read, but: "
                                f"{error.strerror}") from error
            digest.update(f"{file.relative_to(self.path)} {content}\n".encode())
        return f"{digest.hexdigest()} {options}"

    def decode(self) -> Decoded:
        """Download where there is no local copy, and decode each picture."""
        where = f"data.name={self.name}" if self.path is None else f"data.path={self.path}"
        if self.path is None:
            assert self.name is not None
            return self._decoded(_download(self.name, self.revision), where)
        with TemporaryDirectory(prefix="vael-") as folder:  # datasets' own copy, 1:1
            return self._decoded(_load_folder(self.path, folder), where)

    def _decoded(self, tables: "DatasetDict", where: str) -> Decoded:
        splits = _official(tables, where)
        features = next(iter(splits.values())).features
        image = _column(features, "Image", self.image_column, "data.image_column", where)
        label = _column(features, "ClassLabel", self.label_column, "data.label_column", where)
        if image is None:
            raise DataError(f"{where}: there must be a column of type Image, got "
                            f"{_listed(features)}; name one with data.image_column")
        x = {split: _pictures(table, image, self.image_size, f"{where}, split {split}")
             for split, table in splits.items()}
        y: dict[Split, Array] = {}
        if label is not None:
            raw = {split: np.asarray(table.data.column(label).to_pylist())
                   for split, table in splits.items()}
            # -1 throughout is the hub's way to say that a split has no labels
            known = {split: values for split, values in raw.items()
                     if values.dtype.kind != "i" or not np.all(values == -1)}
            y = class_numbers(known, f"{where}, column {label}")
        parts = {split: Arrays(x[split], y.get(split)) for split in splits}
        return Decoded(parts["train"], 256, parts.get("val"), parts.get("test"))


def _parquet_files(path: Path) -> list[Path]:
    if not path.exists():
        raise DataError(f"data.path must be a folder with parquet files, but {path} does not "
                        "exist")
    if not path.is_dir():
        raise DataError(f"data.path must be a folder with parquet files, but {path} is a file; "
                        "give the folder that it is in")
    found = sorted([*path.glob("*.parquet"), *path.glob("*/*.parquet")])
    if not found:
        raise DataError(f"data.path must be a folder with parquet files such as "
                        f"train-00000-of-00001.parquet, but {path} has none")
    return found


def _load_folder(path: Path, cache: str) -> "DatasetDict":
    import datasets

    try:
        with _quiet():
            return datasets.load_dataset(str(path), cache_dir=cache)
    except Exception as error:  # datasets and pyarrow raise whatever they like
        raise DataError(f"data.path={path} must hold parquet files that `datasets` reads, but: "
                        f"{_one_line(error.__cause__ or error)}") from error


def _download(name: str, revision: str | None) -> "DatasetDict":
    """A data set of the hub; without network the copy that `datasets` has, if there is one.

    The probe is there because `datasets` itself retries for 23 s before it believes that there
    is no network.
    """
    import datasets
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    problem: Exception | None = None
    try:
        HfApi().dataset_info(name, revision=revision, timeout=PROBE_SECONDS)
    except HfHubHTTPError as error:
        raise DataError(f"data.name must be a public data set of the hub (or one that your login "
                        f"may read), but {name}: {_one_line(error)}") from error
    except ValueError as error:  # not even the form of a name
        raise DataError(f"data.name must have the form OWNER/NAME, got {name}") from error
    except Exception as error:  # whatever the HTTP library of the day raises
        problem = error
    try:
        with _quiet(offline=problem is not None):
            return datasets.load_dataset(name, revision=revision)
    except Exception as error:
        if problem is None:
            raise DataError(f"data.name={name} must be a data set that `datasets` reads, but: "
                            f"{_one_line(error)}") from error
        raise DataError(
            f"data.name={name} must be fetched from the Hugging Face hub, which cannot be reached "
            f"({_one_line(problem)}); give a local copy, a folder with its parquet files, by "
            "data.path=FOLDER") from error


@contextmanager
def _quiet(offline: bool = False) -> Iterator[None]:
    """No bars of `datasets`' own; offline where we know that there is no network."""
    import datasets
    from huggingface_hub import constants

    bars = datasets.is_progress_bar_enabled()
    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    datasets.disable_progress_bars()
    if offline:
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before
        if bars:
            datasets.enable_progress_bars()


def _official(tables: "DatasetDict", where: str) -> dict[Split, "Dataset"]:
    """The splits by our names; a single one of any name is train."""
    if len(tables) == 1:
        return {"train": next(iter(tables.values()))}
    found: dict[Split, Dataset] = {}
    for split, names in NAMES.items():
        for name in names:
            if name in tables:
                found.setdefault(split, tables[name])
    if "train" not in found:
        raise DataError(f"{where}: there must be a split named train, got {', '.join(tables)}")
    return found


def _column(
    features: "Features", kind: str, given: str | None, option: str, where: str
) -> str | None:
    """The column that was asked for, or the only one of a type."""
    if given is not None:
        if given not in features:
            raise ConfigError(f"{option} must be a column of {where}, got {given}; there are "
                              f"{_listed(features)}")
        return given
    found = [name for name, feature in features.items() if type(feature).__name__ == kind]
    if len(found) > 1:
        raise ConfigError(f"{where} has {len(found)} columns of type {kind}: {', '.join(found)}; "
                          f"choose one with {option}")
    return found[0] if found else None


def _listed(features: "Features") -> str:
    return ", ".join(f"{name} ({type(feature).__name__})" for name, feature in features.items())


def _pictures(table: "Dataset", column: str, size: tuple[int, int] | None, where: str) -> Array:
    import datasets

    try:
        raw = table.select_columns(column).cast_column(column, datasets.Image(decode=False))
    except Exception as error:  # pyarrow: a column that cannot hold pictures
        raise ConfigError(f"data.image_column={column} must hold pictures, but is "
                          f"{table.features[column]}; {where}") from error
    return decode(partial(_rows, raw, column), len(table), size, where)


def _rows(table: "Dataset", column: str) -> Iterator[Raw]:
    for block in table.with_format("arrow").iter(1000):
        for chunk in block.column(column).chunks:
            for content, path in zip(chunk.field("bytes"), chunk.field("path"), strict=True):
                yield memoryview(content.as_buffer()) if content.is_valid else str(path)


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
