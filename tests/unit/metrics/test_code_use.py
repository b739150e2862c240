"""Use of codes: over all batches and devices, not the mean of each one's."""

import math

import pytest
import torch

from vael.metrics.code_use import measure_codes
from vael.metrics.evidence import Evidence
from vael.metrics.scores import Scores


def test_codes_used_alike_have_a_perplexity_of_their_number():
    found = measure_codes(torch.full((8,), 3))
    assert found == {"code_usage": 1.0, "code_perplexity": pytest.approx(8)}


def test_a_single_code_has_a_perplexity_of_one():
    assert measure_codes(torch.tensor([0, 5, 0, 0])) == {
        "code_usage": 0.25,
        "code_perplexity": pytest.approx(1),
    }


def evidence(codes):
    zero = torch.zeros(2 if codes is None else len(codes), dtype=torch.float64)
    return Evidence(*[zero] * 4, None, zero, zero, zero[:, None], codes=codes)


def test_batches_and_devices_are_counted_together():
    """Each batch has one code, all together have two: a mean over batches would say 1."""
    scores = Scores(1, False, False, num_codes=4)
    scores.update(evidence(torch.tensor([[0, 0], [0, 0]])))
    scores.update(evidence(torch.tensor([[3, 3], [3, 3]])))
    assert scores.compute()["code_perplexity"] == pytest.approx(2)
    other = Scores(1, False, False, num_codes=4)  # what torchmetrics sums over devices
    other.update(evidence(torch.tensor([[1, 2]])))
    assert scores._reductions["code_counts"] is other._reductions["code_counts"]
    total = scores.code_counts + other.code_counts
    entropy = -sum(p * math.log(p) for p in (0.4, 0.4, 0.1, 0.1))
    assert measure_codes(total)["code_perplexity"] == pytest.approx(math.exp(entropy))


def test_other_latents_have_no_codes():
    scores = Scores(1, False, False)
    scores.update(evidence(None))
    assert not any(name.startswith("code") for name in scores.compute())
