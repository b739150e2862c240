"""The embedded table: measurements of real cells that need no network."""

import numpy as np

from vael.data.source import Arrays, Decoded, Source
from vael.data.sources.scikit_learn import hash_file


class BreastCancer(Source):
    """The 569 x 30 measurements of cell nuclei inside scikit-learn, and 2 classes.

    Wolberg, Street and Mangasarian, Breast Cancer Wisconsin (Diagnostic), UCI 1995
    (https://doi.org/10.24432/C5DW2B). A table without levels: training standardises its columns.
    It has no official split.
    """

    def fingerprint(self) -> str:
        """Hash of scikit-learn's file."""
        return hash_file("breast_cancer.csv", "breast_cancer", "table")

    def decode(self) -> Decoded:
        """Return the table, (569, 30) float32, and labels: 0 malignant, 1 benign."""
        from sklearn.datasets import load_breast_cancer

        bunch = load_breast_cancer()
        arrays = Arrays(bunch.data.astype(np.float32), bunch.target.astype(np.int64))
        return Decoded(arrays, levels=None, columns=tuple(map(str, bunch.feature_names)))
