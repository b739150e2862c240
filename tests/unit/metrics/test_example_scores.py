import pytest
import torch

from vael.metrics.evidence import Evidence
from vael.metrics.example_scores import ExampleScores
from vael.metrics.scores import Scores

G = torch.Generator().manual_seed(0)


def draw(size, bits=True):
    columns = torch.randn(6, size, dtype=torch.float64, generator=G)
    elbo, rate, distortion, iwae, mse, code = columns
    zero, mu = torch.zeros(size, dtype=torch.float64), torch.randn(size, 2, generator=G).double()
    return Evidence(elbo, rate, distortion, iwae, code if bits else None, mse, zero, mu)


def part(scored, start, end):
    columns = (getattr(scored, name) for name in scored.__dataclass_fields__)
    return Evidence(*(None if c is None else c[start:end] for c in columns))


@pytest.mark.parametrize("bits", [True, False])
def test_chunks_in_any_order_give_the_examples_in_theirs(bits):
    whole = draw(250, bits)
    kept = ExampleScores(250, bits)
    for start in (200, 0, 100):
        kept.update(part(whole, start, min(250, start + 100)), start)
    found = kept.compute()
    expected = {"elbo": whole.elbo, "rate": whole.rate, "distortion": whole.distortion}
    expected |= {"iwae": whole.iwae, "mse": whole.mse}
    expected |= {"bpd": whole.bits} if bits else {}
    assert found.keys() == expected.keys()
    for name, column in expected.items():
        assert torch.equal(found[name], column), name


def test_the_sum_over_processes_is_the_whole_table():
    """As torchmetrics reduces it: each process has other chunks, the last may have none."""
    whole = draw(170)
    parts = [ExampleScores(170, True) for _ in range(3)]
    parts[0].update(part(whole, 0, 100), 0)
    parts[1].update(part(whole, 100, 170), 100)
    alone = ExampleScores(170, True)
    alone.update(whole, 0)
    assert torch.equal(sum(one.table for one in parts), alone.table)


def test_their_means_are_the_scores_of_the_data_set():
    whole = draw(90)
    kept, scores = ExampleScores(90, True), Scores(2, has_levels=True, unit_range=False)
    kept.update(whole, 0)
    scores.update(whole)
    means = scores.compute()
    for name, column in kept.compute().items():
        assert column.mean().item() == pytest.approx(means[name], rel=1e-12), name
