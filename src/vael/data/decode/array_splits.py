"""What must hold between the arrays of the splits of one file."""

from collections.abc import Mapping
from pathlib import Path

from vael.data.source import Array, Split
from vael.errors import DataError
from vael.types import Shape


def check_given(
    values: Mapping[Split, Array], labels: Mapping[Split, Array], shape: Shape | None, path: Path
) -> None:
    """Refuse splits without examples, a table beside images, and labels of other examples.

    Args:
        values: arrays as the file has them.
        labels: of each example, ``(N,)``.
        shape: ``data.shape``.
        path: of the file.

    Raises:
        DataError: names the split and what to do.
    """
    train = values["train"].shape
    for split, x in values.items():
        where = f"data.path={path}, {split}"
        if x.size == 0:
            raise DataError(f"{where}: an array must have at least 1 example, got shape {x.shape}")
        if shape is None and (x.ndim == 2) != (len(train) == 2):
            raise DataError(
                f"{where}: all splits must be images, or all tables, got shape {x.shape} beside "
                f"{train} to train; set data.shape to that of one example, or choose the arrays "
                "with data.key=NAME"
            )
        if split in labels and len(labels[split]) != len(x):
            raise DataError(
                f"{where}: there must be one label for each example, got {len(labels[split])} "
                f"labels for {len(x)} examples"
            )


def check_made(
    made: Mapping[Split, Array], levels: Mapping[Split, int | None], path: Path
) -> None:
    """Refuse splits whose examples have another shape, or other levels, than those of train.

    Args:
        made: ``(N, C, H, W)`` or ``(N, D)`` of each split.
        levels: of its images.
        path: of the file.

    Raises:
        DataError: names the split and what to do.
    """
    wanted = made["train"].shape[1:]
    for split, x in made.items():
        if x.shape[1:] == wanted:
            continue
        resizable = x.ndim == 4 and x.shape[1] == wanted[0]
        remedy = f"set data.image_size={list(wanted[1:])} to resize them, or " * resizable
        raise DataError(
            f"data.path={path}, {split}: examples must have the shape of the training examples, "
            f"{wanted}, got {x.shape[1:]}; {remedy}choose the arrays to use with data.key=NAME"
        )
    found = set(levels.values())
    if len(found) > 1:
        raise DataError(
            f"data.path={path}: all splits must have the same levels, got "
            f"{sorted(map(str, found))}; save them with one dtype"
        )
