import math

import pytest
import torch

from vael.metrics.evidence import Evidence, samples_per_pass
from vael.metrics.scores import Scores

G = torch.Generator().manual_seed(0)


def drawn(size, latent=3):
    def values():
        return torch.randn(size, dtype=torch.float64, generator=G)

    mu = torch.randn(size, latent, dtype=torch.float64, generator=G)
    return Evidence(
        values(),
        values(),
        values(),
        values(),
        values(),
        values().abs(),
        torch.zeros(size, dtype=torch.float64),
        mu,
    )


def pick(scored, index):
    return Evidence(**{f: part[index] for f, part in vars(scored).items() if part is not None})


def test_any_split_into_batches_gives_the_mean_over_examples():
    whole = drawn(101)
    for sizes in ([101], [1] * 101, [50, 50, 1], [3, 90, 8]):
        scores = Scores(3, has_levels=True, unit_range=True)
        start = 0
        for size in sizes:
            scores.update(pick(whole, slice(start, start + size)))
            start += size
        found = scores.compute()
        assert found["elbo"] == pytest.approx(whole.elbo.mean().item(), rel=1e-12)
        assert found["bpd"] == pytest.approx(whole.bits.mean().item(), rel=1e-12)
        psnr = 10 * math.log10(1 / whole.mse.mean().item())
        assert found["psnr"] == pytest.approx(psnr, rel=1e-12)


def test_active_units_are_the_dimensions_whose_means_vary_by_more_than_a_hundredth():
    scored = drawn(1000)
    scale = torch.tensor([1.0, 0.11, 0.05], dtype=torch.float64)  # variances 1, 0.012, 0.0025
    offset = torch.tensor([0.0, 50.0, 50.0], dtype=torch.float64)
    fields = {f: getattr(scored, f) for f in scored.__dataclass_fields__}
    varied = (scored.mu - scored.mu.mean(0)) / scored.mu.std(0) * scale + offset
    scores = Scores(3, has_levels=False, unit_range=False)
    scores.update(Evidence(**{**fields, "mu": varied, "bits": None}))
    found = scores.compute()
    assert found["active_units"] == 2
    assert "bpd" not in found
    assert "psnr" not in found


def test_a_pass_is_never_empty_and_never_larger_than_asked():
    assert samples_per_pass(batch=100, num_dims=64, samples=4) == 4
    assert samples_per_pass(batch=100, num_dims=3 * 512 * 512, samples=4) == 1
