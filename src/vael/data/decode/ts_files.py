"""Read series from a ``.ts`` file, the format of the UCR and UEA archives."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vael.errors import DataError


class SeriesText(NamedTuple):
    """Series of any length, ``(C, T_n)`` each, and their labels as text; None: there are none."""

    series: list[npt.NDArray[np.float64]]
    labels: list[str] | None


def read_ts(path: Path) -> SeriesText:
    """Read a ``.ts`` file: a line a series, its channels and its label between colons.

    ``?`` and NaN are missing values.

    Raises:
        DataError: it cannot be read, or a line of it is not of numbers.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"data.path must be a .ts file that can be read, got {path}: {error}"
        ) from error
    series, labels, labelled, begun = [], [], False, False
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("@"):
            name, *values = text.lower().split()
            begun = begun or name == "@data"
            labelled = labelled or (name == "@classlabel" and values[:1] == ["true"])
            if name == "@timestamps" and values[:1] == ["true"]:
                raise DataError(f"{path}: series with time stamps are not read; leave them out")
            continue
        parts = text.split(":")
        label = parts.pop() if labelled else ""
        try:
            channels = [
                [float("nan" if value.strip() == "?" else value) for value in part.split(",")]
                for part in parts
            ]
            series.append(np.array(channels, np.float64))
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}: a series must be channels of as many numbers, between "
                f"colons, but {error}"
            ) from error
        labels.append(label.strip())
    if not series or not begun:
        raise DataError(f"{path} must be a .ts file, but it has no series after @data")
    return SeriesText(series, labels if labelled else None)
