"""The means of an epoch's losses."""

import pytest
import torch

from vael.models.trace import Loss
from vael.training.epoch_means import EpochMeans


def means(pieces, rows):
    made = EpochMeans()
    for piece in pieces:
        made.add_rows(rows[:piece], ["rate"])
        rows = rows[piece:]
    return made


@pytest.mark.parametrize("pieces", [[50], [1] * 50, [1, 49], [17, 1, 32]])
def test_rows_together_are_the_sum_of_rows_one_by_one_to_the_bit(pieces):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(50, 2, generator=generator)
    rows *= 2.0 ** torch.randint(-40, 40, rows.shape, generator=generator)  # float64 must round
    sums = [0.0, 0.0]
    for row in rows.double().tolist():
        sums = [a + b for a, b in zip(sums, row, strict=True)]
    found = means(pieces, rows).state(lambda own: own)
    assert found["sums"].flatten().tolist() == sums
    assert found["batches"] == 50
    assert found["names"] == ["loss", "rate"]


def test_a_batch_is_added_with_its_terms_and_gives_the_elbo():
    made = EpochMeans()
    for loss, distortion, rate in ((3.0, 1.0, 2.0), (5.0, 2.0, 4.0)):
        terms = {"distortion": torch.tensor(distortion), "rate": torch.tensor(rate)}
        made.add(Loss(torch.tensor(loss), terms))
    assert made.compute(lambda own: own) == {
        "train/loss": 4.0, "train/distortion": 1.5, "train/rate": 3.0, "train/elbo": -4.5,
    }  # fmt: skip
