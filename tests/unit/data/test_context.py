"""What a conditional model is told of each example."""

import numpy as np
import pytest
import torch

from vael.data.batches import Resident, take_batch
from vael.data.context import Told, add_context
from vael.data.source import Arrays, Decoded
from vael.errors import ConfigError, DataError

X = np.zeros((6, 1, 2, 2), np.uint8)
Y = np.array([0, 1, 2, 2, 1, 0])
FACTORS = np.array([[0, 5], [1, 4], [2, 3], [0, 2], [1, 1], [2, 0]])
ALL = np.arange(6)


def data(y=Y, factors=FACTORS, **parts):
    names = (("shape", 3), ("x", 6)) if factors is not None else ()
    return Decoded(Arrays(X, y, factors), levels=2, factors=names, **parts)


def test_a_label_is_told_as_its_number():
    made, names = add_context(data(), Told("label"), 3, ALL)
    assert names == (("label", 3),)
    batch = take_batch(made.train, np.array([2, 0]))
    assert torch.equal(batch.context, torch.tensor([[2.0], [0.0]]))
    resident = Resident.from_arrays(made.train, torch.device("cpu"))
    assert torch.equal(resident.take(np.array([2, 0])).context, batch.context)


def test_factors_are_told_in_the_order_of_their_names():
    made, names = add_context(data(), Told("factors"), None, ALL)
    assert names == (("shape", 3), ("x", 6))
    assert np.array_equal(made.train.context, FACTORS)
    made, names = add_context(data(), Told("factors", ("x",)), None, ALL)
    assert names == (("x", 6),)
    assert np.array_equal(made.train.context, FACTORS[:, 1:])


@pytest.mark.parametrize(
    ("given", "told", "classes", "train", "match"),
    [
        (data(y=None), Told("label"), None, ALL, "needs a label for each example, but .* none"),
        (data(val=Arrays(X)), Told("label"), 3, ALL, "needs a label for each example"),
        (data(), Told("label"), 3, np.array([0, 1]), r"1 of the 3 classes have none \(2\)"),
        (data(factors=None), Told("factors"), 3, ALL, "data=sprites"),
        (data(), Told("factors", ("shap",)), 3, ALL, "no factor shap. Did you mean shape"),
        (data(), Told("label", None, (("label", 2),)), 3, ALL, "class 2, which it has never seen"),
    ],
)
def test_what_cannot_be_told_is_refused(given, told, classes, train, match):
    with pytest.raises((ConfigError, DataError), match=match) as caught:
        add_context(given, told, classes, train)
    assert "\n" not in str(caught.value)
