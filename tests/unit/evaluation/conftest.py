"""What the tests of vael evaluate share."""

import pytest

from vael.evaluation.evaluate import Request, evaluate


@pytest.fixture(scope="module")
def five(run):
    """An evaluation with as many samples as the run's own test had."""
    return evaluate(Request(run, samples=5))
