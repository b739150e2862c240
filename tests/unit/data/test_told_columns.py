"""Columns of a table that are told instead of explained."""

import numpy as np
import pytest

from vael.data.context import Told
from vael.data.source import Arrays, Decoded
from vael.data.told_columns import take_columns
from vael.errors import ConfigError, DataError

X = np.arange(24, dtype=np.float32).reshape(6, 4)
NAMES = ("age", "kind=a", "kind=b", "weight")
TRAIN = np.array([0, 1, 2, 3])


def data(x=X, columns=NAMES, **more):
    return Decoded(Arrays(x), levels=None, columns=columns, test=Arrays(x[::-1].copy()), **more)


def test_told_columns_leave_the_table():
    made, names = take_columns(data(), Told("columns", ("age",)), TRAIN)
    assert names == (("age", 0),)
    assert made.columns == NAMES[1:]
    np.testing.assert_array_equal(made.train.x, X[:, 1:])
    np.testing.assert_array_equal(made.train.context, X[:, :1])
    np.testing.assert_array_equal(made.test.context, X[::-1, :1])


def test_a_column_of_categories_is_told_as_all_of_its_columns():
    made, names = take_columns(data(), Told("columns", ("weight", "kind")), TRAIN)
    assert [name for name, _ in names] == ["weight", "kind=a", "kind=b"]
    np.testing.assert_array_equal(made.train.context, X[:, [3, 1, 2]])
    np.testing.assert_array_equal(made.train.x, X[:, :1])
    again, same = take_columns(data(), Told("columns", None, names), TRAIN)
    assert same == names
    np.testing.assert_array_equal(again.train.context, made.train.context)


def test_columns_without_names_are_called_by_their_numbers():
    made, names = take_columns(data(columns=()), Told("columns", ("2",)), TRAIN)
    assert (names, made.columns) == ((("2", 0),), ())
    np.testing.assert_array_equal(made.train.context, X[:, 2:3])


def test_a_missing_value_is_the_mean_of_the_training_rows():
    x = X.copy()
    x[[1, 5], 0] = np.nan
    made, _ = take_columns(data(x, missing="mean"), Told("columns", ("age",)), TRAIN)
    mean = X[[0, 2, 3], 0].mean()
    np.testing.assert_allclose(made.train.context[:, 0], [0, mean, 8, 12, 16, mean])


HOLES = np.where(X == 4, np.nan, X)


@pytest.mark.parametrize(
    ("given", "names", "match"),
    [
        (data(), ("agee",), "no column agee. Did you mean age"),
        (data(), ("age", "kind", "weight"), "all columns of the table are told"),
        (data(HOLES, missing="mask"), ("age",), "age has missing values: set data.missing=mean"),
        (Decoded(Arrays(X[:, None, None]), None), ("age",), "needs a table"),
    ],
)
def test_what_cannot_be_told_is_one_line(given, names, match):
    with pytest.raises((ConfigError, DataError), match=match) as caught:
        take_columns(given, Told("columns", names), TRAIN)
    assert "\n" not in str(caught.value)
