"""The embedded table: measurements of real cells that need no network."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from vael.data.source import Arrays, Decoded, Source
from vael.errors import DataError


class BreastCancer(Source):
    """The 569 x 30 measurements of cell nuclei inside scikit-learn, and 2 classes.

    Wolberg, Street and Mangasarian, Breast Cancer Wisconsin (Diagnostic), UCI 1995
    (https://doi.org/10.24432/C5DW2B). A table without levels: training standardises its columns.
    It has no official split.
    """

    def fingerprint(self) -> str:
        """Hash of scikit-learn's file, found without importing scikit-learn (which takes 1 s)."""
        spec = find_spec("sklearn")
        folder = next(iter((spec and spec.submodule_search_locations) or []), "")
        path = Path(folder) / "datasets" / "data" / "breast_cancer.csv"
        if not path.is_file():
            raise DataError(
                f"data=breast_cancer needs the table of scikit-learn, not found as "
                f"{path}; reinstall with: pip install --force-reinstall scikit-learn"
            )
        return hashlib.blake2b(path.read_bytes()).hexdigest()

    def decode(self) -> Decoded:
        """(569, 30) float32 and labels: 0 malignant, 1 benign."""
        from sklearn.datasets import load_breast_cancer

        bunch = load_breast_cancer()
        arrays = Arrays(bunch.data.astype(np.float32), bunch.target.astype(np.int64))
        return Decoded(arrays, levels=None, columns=tuple(map(str, bunch.feature_names)))
