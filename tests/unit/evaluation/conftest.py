"""What the tests of vael evaluate share."""

import pytest

from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest


@pytest.fixture(scope="module")
def five(run):
    """An evaluation with as many samples as the run's own test had."""
    return evaluate_run(EvaluationRequest(run, samples=5))
