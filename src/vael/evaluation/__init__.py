"""Measure the numbers of a trained model again: evaluate, verify, repeat, vary the seeds."""

from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.evaluation.verify import verify_run

__all__ = ["EvaluationRequest", "evaluate_run", "verify_run"]
