"""Pictures as the hub keeps them: parquet files with a column of type Image."""

import io

import datasets
import numpy as np
from PIL import Image

datasets.disable_progress_bars()
RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (9, 6, 5), dtype=np.uint8)
TEST = RNG.integers(0, 256, (4, 6, 5), dtype=np.uint8)
IMAGE = datasets.Image()
LABEL = datasets.ClassLabel(names=["a", "b", "c"])


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


def write(folder, split, features, **columns):
    """One parquet file as the hub has it."""
    made = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    folder.mkdir(exist_ok=True, parents=True)
    made.to_parquet(folder / f"{split}-00000-of-00001.parquet")


def folder(path, **extra):
    """A data set with one split and, in `extra`, more columns."""
    write(
        path,
        "train",
        {"picture": IMAGE, "kind": LABEL} | extra.get("features", {}),
        picture=[png(x) for x in TRAIN],
        kind=[0, 1, 2] * 3,
        **extra.get("columns", {}),
    )
    return path
