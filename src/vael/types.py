"""The records that travel between the packages: a batch, and what a data set is."""

from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple

from torch import Tensor

Shape = tuple[int, ...]


class Batch(NamedTuple):
    """One batch as it leaves the data: raw values, not yet scaled or binarised.

    Attributes:
        x: ``(B, *E)``, level numbers ``0 .. levels-1`` (uint8, or int32 above 256), or float32
            for data without levels.
        y: ``(B,)`` int64 class labels, or None.
        context: ``(B, K)`` float32, what a conditional model is told, as it stands in the data: a
            class number, factors, columns in their units. None: nothing is told.
    """

    x: Tensor
    y: Tensor | None = None
    context: Tensor | None = None


@dataclass(frozen=True)
class DataSpec:
    """What a data set is, as far as a model must know.

    Attributes:
        event_shape: ``E``: ``(C, H, W)`` for images, ``(C, T)`` for series, ``(D,)`` for tables.
        levels: number of values per dimension as the model sees them (2 after binarisation):
            ``x = k / (levels - 1)``. None for data without levels (tables).
        support: ``"unit"`` for x in [0, 1], ``"real"`` for any real number (tables, and images
            of real numbers): the model sees them standardised.
        num_train: number of training examples.
        num_val: number of validation examples.
        num_test: number of test examples.
        num_classes: number of class labels, or None where there are no labels.
        digest: content key of the data with its splits and options, for provenance.
        factors: name and number of values of each known factor of the examples; empty where
            there are none.
        raw_levels: number of values per dimension before binarisation.
        columns: names of the columns of a table; empty where they have none.
        context: name of each of the K numbers that a conditional model is told, with how many
            values it has, 0 for any number; empty where it is told nothing.
        observed: of data with missing values (NaN, ``data.missing=mask``), the mean number of
            observed dimensions of an example of each split; else empty.
        families: of a table with ``likelihood=mixed``, family and variable of each column
            (`vael.data.families.Families`); else empty.
    """

    event_shape: Shape
    levels: int | None
    support: Literal["unit", "real"]
    num_train: int
    num_val: int
    num_test: int
    num_classes: int | None = None
    digest: str = ""
    factors: tuple[tuple[str, int], ...] = ()
    raw_levels: int | None = None
    columns: tuple[str, ...] = ()
    context: tuple[tuple[str, int], ...] = ()
    observed: tuple[tuple[str, float], ...] = ()
    families: tuple[tuple[str, str], ...] = ()

    @property
    def holes(self) -> bool:
        """Whether x may have missing values, which the likelihood leaves out."""
        return bool(self.observed)

    def count_dims(self, split: str) -> float:
        """Return ``D``, or the mean number of observed dimensions of an example of a split.

        What is summed over examples and divided by it is a mean per observed dimension.
        """
        return dict(self.observed).get(split, self.num_dims)

    @property
    def num_dims(self) -> int:
        """``D``, the number of dimensions of one example."""
        return prod(self.event_shape)
