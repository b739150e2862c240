"""A posterior that is a point: its samples, and a bound that says that there is none."""

import math

import torch

from vael.models.posteriors import Delta
from vael.models.priors import StandardNormal

THETA = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_every_sample_is_what_the_encoder_says_with_its_gradient():
    theta = THETA.clone().requires_grad_()
    q = Delta((2,))(theta)
    eps = torch.randn(4, 3, 2, dtype=torch.float64)
    z = q.rsample(eps)
    assert torch.equal(z, THETA.expand(4, 3, 2))
    z.sum().backward()
    assert torch.equal(theta.grad, torch.full_like(theta, 4))
    assert torch.equal(q.mean, theta)
    assert not q.sigma.any()


def test_its_density_and_its_kl_are_infinite():
    """As they are in the limit of a normal whose sigma goes to 0."""
    q = Delta((2,))(THETA)
    p = StandardNormal((2,)).double()(lambda x: x)
    assert q.log_prob(q.rsample(torch.zeros(4, 3, 2))).tolist() == [[math.inf] * 3] * 4
    assert q.kl(p).tolist() == [math.inf] * 3
    assert q.factors(p) is None
