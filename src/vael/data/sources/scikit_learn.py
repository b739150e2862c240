"""The embedded data sets: files inside scikit-learn, which need no network."""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from vael.data.cards import DataCard, find_card
from vael.data.decode.resize import describe_resize, resize_levels
from vael.data.source import Arrays, Decoded, Source, parse_image_size
from vael.errors import DataError


class Digits(Source):
    """The 1,797 8x8 grey digits inside scikit-learn: 17 levels (0..16), 10 classes.

    Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI 1998 (its test part).
    It has no official split.

    Args:
        image_size: N or [H, W] to resize to (`resize_images`); then 256 levels.
    """

    def __init__(self, image_size: int | Sequence[int] | None = None) -> None:
        self.image_size = parse_image_size(image_size)

    def fingerprint(self) -> str:
        """Hash of scikit-learn's file, and the size."""
        file = hash_file("digits.csv.gz", "digits", "digits")
        return f"{file} {self.image_size}"

    def describe(self) -> str:
        """Name the file inside scikit-learn."""
        return "scikit-learn's digits"

    def card(self) -> DataCard:
        """Return the card of digits."""
        return find_card("digits", whole=self.image_size is None)

    def decode(self) -> Decoded:
        """Return level numbers, (1797, 1, 8, 8), and labels."""
        from sklearn.datasets import load_digits

        bunch = load_digits()
        x = bunch.images.astype(np.uint8)[:, None]
        y = bunch.target.astype(np.int64)
        if self.image_size is None:
            return Decoded(Arrays(x, y), levels=17)
        resized, levels = resize_levels(x, 17, self.image_size)
        note = describe_resize((8, 8), self.image_size, levels)
        return Decoded(Arrays(resized, y), levels, notes=(note,))


class BreastCancer(Source):
    """The 569 x 30 measurements of cell nuclei inside scikit-learn, and 2 classes.

    Wolberg, Street and Mangasarian, Breast Cancer Wisconsin (Diagnostic), UCI 1995
    (https://doi.org/10.24432/C5DW2B). A table without levels: training standardises its columns.
    It has no official split.
    """

    def fingerprint(self) -> str:
        """Hash of scikit-learn's file."""
        return hash_file("breast_cancer.csv", "breast_cancer", "table")

    def describe(self) -> str:
        """Name the file inside scikit-learn."""
        return "scikit-learn's breast cancer"

    def card(self) -> DataCard:
        """Return the card of breast_cancer."""
        return find_card("breast_cancer")

    def decode(self) -> Decoded:
        """Return the table, (569, 30) float32, and labels: 0 malignant, 1 benign."""
        from sklearn.datasets import load_breast_cancer

        bunch = load_breast_cancer()
        arrays = Arrays(bunch.data.astype(np.float32), bunch.target.astype(np.int64))
        return Decoded(arrays, levels=None, columns=tuple(map(str, bunch.feature_names)))


def hash_file(name: str, data: str, what: str) -> str:
    """Return the hash of the file ``name``, which holds ``what`` of the option ``data=``.

    It is found without importing scikit-learn, which takes 1 s.

    Raises:
        DataError: scikit-learn is not installed, or lacks the file.
    """
    spec = find_spec("sklearn")
    folder = next(iter((spec and spec.submodule_search_locations) or []), "")
    path = Path(folder) / "datasets" / "data" / name
    if not path.is_file():
        raise DataError(
            f"data={data} needs the {what} of scikit-learn, not found as {path}; "
            "reinstall with: pip install --force-reinstall scikit-learn"
        )
    return hashlib.blake2b(path.read_bytes()).hexdigest()
