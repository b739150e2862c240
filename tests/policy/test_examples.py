"""The examples in the docstrings of what users subclass run, and give what they say."""

import doctest
from importlib import import_module

import pytest

HOLDERS = [
    "vael.models.nets",
    "vael.models.likelihoods.base",
    "vael.models.posteriors.base",
    "vael.models.priors.base",
    "vael.objectives.base",
    "vael.data.source",
]


@pytest.mark.parametrize("name", HOLDERS)
def test_the_example_is_true(name):
    found = doctest.testmod(import_module(name))
    assert found.attempted > 2
    assert found.failed == 0
