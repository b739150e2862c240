"""Tables of the Hugging Face hub, or of a local copy, through `datasets`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vael.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datasets import DatasetDict

SHARD = re.compile(r"(\w+)-\d{5}-of-\d{5}\.parquet")
PROBE_SECONDS = 5


def parquet_files(path: Path) -> list[Path]:
    """Return the parquet files of a local copy, in it or in a folder below it.

    Raises:
        DataError: it is not there, or has none.
    """
    if not path.exists():
        beside = sorted(f.name for f in path.parent.glob("*/")) if path.parent.is_dir() else []
        raise DataError(
            f"data.path must be a folder with parquet files, but {path} does not "
            f"exist; {path.parent} has the folders: {', '.join(beside) or 'none'}"
        )
    if not path.is_dir():
        raise DataError(
            f"data.path must be a folder with parquet files, but {path} is a file; "
            "give the folder that it is in"
        )
    found = sorted([*path.glob("*.parquet"), *path.glob("*/*.parquet")])
    if not found:
        saved = any(path.rglob("*.arrow"))
        other = (
            "it has the .arrow files of save_to_disk: in Python, datasets.load_from_disk(FOLDER)"
            "['train'].to_parquet('train-00000-of-00001.parquet'), and so for each split"
            if saved
            else "a folder of pictures is data=folder, an array or a table data=array"
        )
        raise DataError(
            f"data.path must be a folder with parquet files such as "
            f"train-00000-of-00001.parquet, but {path} has none; {other}"
        )
    return found


def load_folder(path: Path, cache: str) -> "DatasetDict":
    """Load a local copy; ``cache`` is a folder for what `datasets` makes of it.

    Raises:
        DataError: it cannot be read, or a split has no rows.
    """
    import datasets

    named: dict[str, list[str]] = {}  # datasets itself knows few names of splits
    for file in parquet_files(path):
        shard = SHARD.fullmatch(file.name)
        named.setdefault(shard[1] if shard else "", []).append(str(file))
    try:
        with _quiet():
            if "" in named:
                return datasets.load_dataset(str(path), cache_dir=cache)
            return datasets.load_dataset("parquet", data_files=named, cache_dir=cache)
    except Exception as error:  # datasets and pyarrow raise whatever they like
        if "corresponds to no data" in str(error):
            raise DataError(
                f"data.path={path}: each split must have at least 1 example, but "
                f"{_quote(error)}; remove its files"
            ) from error
        raise DataError(
            f"data.path={path} must hold parquet files that `datasets` reads, but: "
            f"{_quote(error.__cause__ or error)}"
        ) from error


def download(name: str, config: str | None, revision: str | None) -> "DatasetDict":
    """Load a data set of the hub; without network, the copy that `datasets` has, if there is one.

    The probe is there because `datasets` itself retries for 23 s before it believes that there
    is no network.

    Raises:
        DataError: there is none of this name, or no network and no copy.
        ConfigError: there are several of this name.
    """
    import datasets
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    problem: Exception | None = None
    try:
        HfApi().dataset_info(name, revision=revision, timeout=PROBE_SECONDS)
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code in (401, 403, 404):
            wrong = (
                f"revision {revision} of it"
                if "RevisionNotFound" in type(error).__name__
                else "it"
            )
            raise DataError(
                f"data.name must be a data set of the Hugging Face hub, but {name} was not found "
                f"there: {wrong} does not exist, or may only be read after a login (hf auth login)"
            ) from error
        problem = error  # the hub is ill: perhaps there is a copy
    except ValueError as error:  # not even the form of a name
        raise DataError(f"data.name must have the form OWNER/NAME, got {name}") from error
    except Exception as error:  # whatever the HTTP library of the day raises
        problem = error
    try:
        with _quiet(offline=problem is not None):
            return datasets.load_dataset(name, config, revision=revision)
    except Exception as error:
        if problem is None:
            if "Config name is missing" in str(error) or "BuilderConfig" in str(error):
                raise ConfigError(
                    f"data.name={name} has several data sets under one name: choose one with "
                    f"data.config (got {config}); {_quote(error)}"
                ) from error
            raise DataError(
                f"data.name={name} must be a data set that `datasets` reads, but: {_quote(error)}"
            ) from error
        reason = (
            "answers with an error"
            if isinstance(problem, HfHubHTTPError)
            else "cannot be reached: there is no network"
        )
        raise DataError(
            f"data.name={name} must be fetched from the Hugging Face hub, which {reason} "
            f"({_quote(problem)}); give a local copy, a folder with its parquet files, by "
            "data.path=FOLDER"
        ) from error


@contextmanager
def _quiet(offline: bool = False) -> Iterator[None]:
    """Hide the bars of `datasets`; go offline where we know that there is no network."""
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


def _quote(error: BaseException) -> str:
    """Return an error of another library as one short line, for the end of a message."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
