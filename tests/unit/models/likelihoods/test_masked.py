"""Every likelihood without the values that were not observed."""

import pytest
import torch
from torch import Tensor
from unit.models.likelihoods.cases import CASES, EVENT, Case
from unit.models.likelihoods.test_contract import data_of, theta_of

from vael.errors import ConfigError
from vael.models.likelihoods.logistic_mixture import LogisticMixture

S, B = 3, 4
SINGLE = [case for case in CASES if not case.name.startswith("logistic_mixture")]
single = pytest.mark.parametrize("case", SINGLE, ids=str)


def mask_of(seed: int = 2) -> Tensor:
    mask = torch.rand(B, *EVENT, generator=torch.Generator().manual_seed(seed)) < 0.6
    mask[0] = True
    assert not mask.all()
    return mask


@single
def test_the_density_is_scipys_of_the_observed_values(case: Case):
    likelihood, mask = case.make().double(), mask_of()
    px, x = likelihood(theta_of(likelihood, S, B).double()), data_of(likelihood).double()
    terms = torch.as_tensor(case.scipy_log_prob(px, x.numpy()))
    wanted = (terms * mask).flatten(2).sum(-1)
    torch.testing.assert_close(px.log_prob(x, mask), wanted, rtol=1e-10, atol=0)


@single
def test_what_is_observed_and_what_is_not_sum_to_the_whole(case: Case):
    likelihood, mask = case.make().double(), mask_of()
    px, x = likelihood(theta_of(likelihood, S, B).double()), data_of(likelihood).double()
    whole = likelihood.log_likelihood(px, x)
    parts = [likelihood.log_likelihood(px, x, each) for each in (mask, ~mask)]
    torch.testing.assert_close(parts[0] + parts[1], whole, rtol=1e-10, atol=1e-12)
    assert (parts[0][:, 0] == whole[:, 0]).all()  # the first example has no holes
    assert (parts[1][:, 0] == 0).all()


@single
def test_all_observed_is_no_mask_to_the_bit(case: Case):
    likelihood = case.make()
    theta, x = theta_of(likelihood, S, B).requires_grad_(), data_of(likelihood)
    found = []
    for mask in ((), (torch.ones(B, *EVENT, dtype=torch.bool),)):
        value = likelihood.log_likelihood(likelihood(theta), x, *mask)
        found.append((value, *torch.autograd.grad(value.sum(), theta)))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


@single
def test_a_value_that_is_not_observed_moves_nothing(case: Case):
    likelihood, mask = case.make(), mask_of()
    theta, x = theta_of(likelihood, S, B).requires_grad_(), data_of(likelihood)
    value = likelihood.log_likelihood(likelihood(theta), torch.where(mask, x, 0), mask)
    (slope,) = torch.autograd.grad(value.sum(), theta)
    hidden = ~mask.unsqueeze(1).expand(B, *likelihood.theta_shape)
    assert (slope[:, hidden] == 0).all()
    assert (slope[:, ~hidden] != 0).any()
    assert torch.equal(value, likelihood.log_likelihood(likelihood(theta), x, mask))


def test_a_mixture_leaves_out_values_of_tables_but_no_single_channels():
    table = LogisticMixture((5,), None, components=3)
    x, mask = torch.rand(B, 5), torch.rand(B, 5) < 0.5
    theta = theta_of(table, S, B)
    px, alone = table(theta), LogisticMixture((1,), None, components=3)
    terms = torch.stack([alone(theta[..., [at]]).log_prob(x[:, [at]]) for at in range(5)], -1)
    torch.testing.assert_close(px.log_prob(x, mask), (terms * mask).sum(-1))
    image = LogisticMixture(EVENT, None, components=3)
    with pytest.raises(ConfigError, match=r"cannot leave out .* 2 channels"):
        image(theta_of(image, S, B)).log_prob(torch.rand(B, *EVENT), mask_of())
