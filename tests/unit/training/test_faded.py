"""Moments that have faded to denormal numbers are 0, and nothing else is."""

import copy

import pytest
import torch
from helpers.runs import trained_run
from torch.optim import SGD, Adam, RMSprop

from vael.training.faded import EVERY_N_STEPS, FADED, clear_faded

TINY = torch.finfo(torch.float32).tiny


def step(optimizer, gradient, number):
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight.grad = gradient.clone()
    optimizer.step()
    clear_faded(optimizer, number)


def test_a_first_moment_without_gradients_ends():
    """``0.1 g 0.9^n`` after n steps; left alone it never ends: 0.9 of 2^-149 rounds to 2^-149."""
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    cleared, alone = (Adam([weight], fused=True) for weight in weights)
    still = torch.tensor([0.0, 1e-3])
    for number in range(1, 1701):
        gradient = torch.tensor([1.0, 1e-3]) if number == 1 else still
        step(cleared, gradient, number)
        step(alone, gradient, 1)
        here, there = (
            optimizer.state[weight]["exp_avg"][0].item()
            for optimizer, weight in zip((cleared, alone), weights, strict=True)
        )
        exact = 0.1 * 0.9 ** (number - 1)
        assert here == 0 or here >= TINY
        if exact > 1.001 * FADED:
            assert here == there
    assert (here, 0 < there < TINY) == (0, True)
    assert exact < 2.0**-149, "in exact arithmetic it would be less than any float32"
    assert torch.equal(*weights)
    moments = [
        opt.state[w]["exp_avg"][1] for opt, w in zip((cleared, alone), weights, strict=True)
    ]
    assert torch.equal(*moments)
    assert moments[0] == pytest.approx(1e-3, rel=1e-4)


@pytest.mark.parametrize(
    "make", [lambda w: SGD(w, lr=0.1, momentum=0.9), lambda w: RMSprop(w, momentum=0.9, eps=1e-8)]
)
def test_averages_of_other_optimisers_end_too(make):
    """``0.9^n`` and, of squares, ``0.99^n``."""
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = make([weight])
    step(optimizer, torch.ones(1), 1)
    for number in range(2, 9001):
        step(optimizer, torch.zeros(1), number)
    moments = [value for value in optimizer.state[weight].values() if value.ndim]
    assert moments
    assert not torch.cat(moments).any()


def test_only_what_is_smaller_is_cleared_and_only_then():
    weight = torch.nn.Parameter(torch.ones(6))
    optimizer = Adam([weight])
    step(optimizer, torch.ones(6), 1)
    values = torch.tensor([FADED * 1.001, -FADED * 1.001, FADED * 0.999, -FADED * 0.999, 0, 1e30])
    state = optimizer.state[weight]
    state["exp_avg"].copy_(values)
    before = copy.deepcopy(state)
    clear_faded(optimizer, EVERY_N_STEPS - 1)
    assert torch.equal(state["exp_avg"], values)
    clear_faded(optimizer, EVERY_N_STEPS)
    want = torch.tensor([FADED * 1.001, -FADED * 1.001, 0, 0, 0, 1e30])
    assert torch.equal(state["exp_avg"], want)
    assert torch.equal(state["exp_avg_sq"], before["exp_avg_sq"])
    assert torch.equal(state["step"], before["step"])


def test_grouped_and_single_steps_clear_alike(tmp_path, monkeypatch):
    """By a threshold and an interval at which much is cleared in 15 steps."""
    monkeypatch.setattr("vael.training.faded.FADED", 1e-4)

    def moments(group, every):
        monkeypatch.setattr("vael.training.faded.EVERY_N_STEPS", every)
        parent = tmp_path / f"{group}-{every}"
        folder = trained_run(parent, f"trainer.group={group}", "trainer.threads=1")
        saved = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        states = saved["optimizer_states"][0]["state"].values()
        return torch.cat([value.flatten() for state in states for value in state.values()])

    grouped = moments("null", 4)
    assert torch.equal(grouped, moments("1", 4))
    assert not torch.equal(grouped, moments("null", 1000)), "something was cleared"
