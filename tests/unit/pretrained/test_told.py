"""What a user tells a conditional model, as rows of numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vael.errors import ConfigError, DataError
from vael.pretrained.told import convert_told
from vael.types import DataSpec

PLAIN = DataSpec((2,), None, "real", 9, 3, 3)
LABEL = replace(PLAIN, context=(("label", 3),))
SEX = replace(PLAIN, context=(("age", 0), ("sex=f", 0), ("sex=m", 0)))
NUMBERS = replace(PLAIN, context=(("age", 0), ("dose", 0)))


def test_a_class_stands_for_all_or_there_is_one_for_each():
    assert convert_told(LABEL, "label", 2, 1, None).tolist() == [[1], [1]]
    assert convert_told(LABEL, "label", 3, np.array([2, 0, 1]), None).tolist() == [[2], [0], [1]]


def test_numbers_are_told_by_name_in_any_order():
    told = convert_told(NUMBERS, "columns", 2, None, {"dose": [1, 2], "age": 40.5})
    assert told.tolist() == [[40.5, 1], [40.5, 2]]
    rows = torch.ones(2, 2)
    assert convert_told(NUMBERS, "columns", 2, None, rows) is rows


def test_a_category_is_told_by_the_name_of_its_column():
    assert (
        convert_told(SEX, "columns", 2, None, {"sex": "m", "age": 4}).tolist() == [[4, 0, 1]] * 2
    )
    each = convert_told(SEX, "columns", 2, None, {"sex": ["m", "f"], "age": 4})
    assert each.tolist() == [[4, 0, 1], [4, 1, 0]]
    single = {"sex=f": 1, "sex=m": 0, "age": 4}
    assert convert_told(SEX, "columns", 1, None, single).tolist() == [[4, 1, 0]]
    ward = replace(PLAIN, context=(("ward=1", 0), ("ward=2", 0)))
    assert convert_told(ward, "columns", 1, None, {"ward": 2.0}).tolist() == [[0, 1]]


def test_a_model_without_a_condition_is_told_nothing():
    assert convert_told(PLAIN, "none", 2, None, None) is None


@pytest.mark.parametrize(
    ("spec", "kind", "label", "given", "match"),
    [
        (PLAIN, "none", 1, None, "not conditional"),
        (LABEL, "label", None, None, "tell it a class, label=0 to 2"),
        (LABEL, "label", None, {"label": 1}, "tell it a class"),
        (LABEL, "label", 3, None, "whole number from 0 to 2, got 3"),
        (LABEL, "label", -1, None, "whole number from 0 to 2, got -1"),
        (LABEL, "label", [0.5, 1], None, r"got 0\.5"),
        (LABEL, "label", [0, 1, 2], None, "one for each of the 2 examples"),
        (LABEL, "label", "two", None, "give label as a number"),
        (LABEL, "label", float("nan"), None, "label must be finite"),
        (NUMBERS, "columns", 1, None, 'given={"age": ..., "dose": ...}'),
        (NUMBERS, "columns", None, {"age": 1}, "dose is missing"),
        (NUMBERS, "columns", None, {"age": 1, "dose": "much"}, "give dose as a number"),
        (SEX, "columns", None, {"age": 1, "sex": "x"}, "sex must be one of f, m, but got x"),
        (SEX, "columns", None, None, 'given={"age": ..., "sex": ...}'),
        (NUMBERS, "columns", None, {"age": 1, "doze": 1}, "no doze. Did you mean dose"),
    ],
)
def test_what_it_cannot_be_told_is_one_line(spec, kind, label, given, match):
    with pytest.raises((ConfigError, DataError), match=match) as caught:
        convert_told(spec, kind, 2, label, given)
    assert "\n" not in str(caught.value)
