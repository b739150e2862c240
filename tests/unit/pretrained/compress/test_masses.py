"""Tables of masses against the likelihoods' own log_mass of whole examples."""

import numpy as np
import pytest
import torch

from vael.models.likelihoods import (
    Bernoulli,
    BetaBinomial,
    Categorical,
    ContinuousBernoulli,
    Gaussian,
    Laplace,
    Logistic,
    LogisticMixture,
)
from vael.pretrained.compress.masses import MassTables

FAMILIES = [
    (Bernoulli, 2),
    (Bernoulli, 17),
    (BetaBinomial, 17),
    (BetaBinomial, 256),
    (Categorical, 17),
    (ContinuousBernoulli, 17),
    (Gaussian, 17),
    (Gaussian, 2),
    (Laplace, 17),
    (Logistic, 256),
    (LogisticMixture, 17),
]


def record(family, shape, levels, batch=3):
    """p(x|z) of random parameters with leading dimensions (1, batch)."""
    likelihood = family(shape, levels)
    torch.manual_seed(0)
    return likelihood(0.5 * torch.randn(1, batch, *likelihood.theta_shape))


@pytest.mark.parametrize("shape", [(3, 2, 2), (5,)])
@pytest.mark.parametrize(("family", "levels"), FAMILIES)
def test_the_product_over_the_dimensions_is_the_mass_of_the_example(family, levels, shape):
    """Given the dimensions of earlier stages each is normalised, so the product is a law."""
    px = record(family, shape, levels)
    k = np.random.default_rng(1).integers(levels, size=(3, int(np.prod(shape)))).astype(np.int32)
    with torch.no_grad():
        tables = MassTables(px, shape, levels)
        found, covered = np.zeros(3), 0
        for stage, place in enumerate(tables.stages):
            table = tables.table(stage, k).double().numpy()
            table /= table.sum(-1, keepdims=True)
            chosen = np.take_along_axis(table, k[:, place, None], -1)
            found += np.log(chosen[..., 0]).sum(1)
            covered += table.shape[1]
        x = torch.from_numpy(k).double().reshape(3, *shape) / (levels - 1)
        wanted = px.log_mass(x.float())[0]
    assert covered == k.shape[1]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


def test_the_channels_of_a_mixture_come_one_after_the_other():
    """Later channels may hold anything: the decoder does not know them yet."""
    shape, levels = (3, 2, 2), 5
    tables = MassTables(record(LogisticMixture, shape, levels), shape, levels)
    rng = np.random.default_rng(0)
    a = rng.integers(levels, size=(3, 12)).astype(np.int32)
    b = a.copy()
    b[:, 4:] = rng.integers(levels, size=(3, 8))
    with torch.no_grad():
        assert len(tables.stages) == 3
        assert torch.equal(tables.table(1, a), tables.table(1, b))
        assert not torch.equal(tables.table(2, a), tables.table(2, b))
