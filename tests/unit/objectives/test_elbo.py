import math

import pytest
import torch

from vael.errors import ConfigError
from vael.models.trace import Trace
from vael.objectives.elbo import Elbo
from vael.objectives.schedules import Constant, Linear

LOG_PX = torch.tensor([[-3.0, -5.0], [-1.0, -7.0]])  # (S, B)
RATE = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
TRACE = Trace(torch.zeros(2, 1), None, (), LOG_PX, RATE)  # type: ignore[arg-type]


def test_loss_is_the_mean_distortion_plus_beta_times_the_mean_rate():
    loss = Elbo(beta=4.0, schedule=Constant())(TRACE, step=0, beta=4.0)
    assert loss.value.item() == 4.0 + 4.0 * 2.5
    assert loss.terms["distortion"].item() == 4.0
    assert loss.terms["rate"].item() == 2.5


def test_beta_follows_its_schedule_and_nothing_else():
    objective = Elbo(beta=2.0, schedule=Linear(10))
    assert [objective.beta(step) for step in (0, 5, 10, 20)] == [0.0, 1.0, 2.0, 2.0]
    beta = objective.beta(5)
    for number in (beta, torch.tensor(beta)):  # a captured step hands in a tensor
        assert objective(TRACE, step=5, beta=number).value.item() == 4.0 + 1.0 * 2.5
    assert objective.warmup_steps == 10


@pytest.mark.parametrize("beta", [-1.0, math.nan, math.inf])
def test_an_impossible_beta_is_refused(beta):
    with pytest.raises(ConfigError, match=r"objective\.beta must be a finite number >= 0"):
        Elbo(beta=beta, schedule=Constant())
