"""The update and the average of the weights against torch's own, to the bit."""

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging
from torch import nn
from torch.optim import SGD, Adam, AdamW

from vael.training import update as module
from vael.training.average import Averaging
from vael.training.update import LAUNCH_TENSORS, LAUNCHES, FusedAdam, cut_lists


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))


def gradients(model, seed, without=()):
    generator = torch.Generator().manual_seed(seed)
    for number, parameter in enumerate(model.parameters()):
        drawn = torch.randn(parameter.shape, generator=generator)
        parameter.grad = None if number in without else drawn


def optimizer_of(kind, model, options):
    """With the last layer in a group of its own, as an objective's parameters are."""
    first, last = list(model[0].parameters()), list(model[2].parameters())
    groups = [{"params": first}, {"params": last, "betas": (0.5, 0.8), "lr": 0.02}]
    return kind(groups, lr=0.01, fused=True, **options)


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize(
    "options", [{}, {"amsgrad": True}, {"weight_decay": 0.1, "maximize": True}]
)
def test_steps_and_state_are_those_of_torch_with_steps_left_out_as_without_gradients(
    kind, options
):
    """Over groups, changes of the learning rate, a parameter without gradient, a checkpoint."""
    mine, theirs = net(), net()
    made = [optimizer_of(kind, model, options) for model in (mine, theirs)]
    updates = [FusedAdam(made[0], group) for group in (0, 1)]
    for step in range(12):
        without = (1,) if step == 5 else ()
        left_out = step in (3, 7)
        for model, optimizer in ((mine, made[0]), (theirs, made[1])):
            optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
            optimizer.param_groups[1]["lr"] = 0.02 / (1 + step)
            gradients(model, step, without)
        for update in updates:
            update(update.rate, torch.tensor(float(left_out)))
        if not left_out:
            made[1].step()
        if step == 8:
            made[0].load_state_dict(made[0].state_dict())
            updates = [FusedAdam(made[0], group) for group in (0, 1)]
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    (a, b) = (optimizer.state_dict() for optimizer in made)
    assert a["param_groups"] == b["param_groups"]
    for number, state in b["state"].items():
        assert list(state) == list(a["state"][number])
        assert all(torch.equal(value, a["state"][number][name]) for name, value in state.items())


def test_only_a_fused_adam_without_hooks_fits():
    model = net()
    first, second, *rest = model.parameters()
    hooked = Adam(model.parameters(), fused=True)
    hooked.register_step_post_hook(lambda *_: None)
    assert FusedAdam.fits(Adam(model.parameters(), fused=True))
    assert not FusedAdam.fits(hooked)
    assert not FusedAdam.fits(Adam(model.parameters(), fused=False))
    assert not FusedAdam.fits(Adam(model.parameters(), lr=torch.tensor(0.1), fused=True))
    groups = [{"params": [first]}, {"params": [second, *rest], "lr": torch.tensor(0.1)}]
    assert not FusedAdam.fits(Adam(groups, fused=True))
    groups[1]["lr"] = 0.1
    assert FusedAdam.fits(Adam(groups, fused=True))
    assert not FusedAdam.fits(SGD(model.parameters(), fused=True))


class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = net()
        self.register_buffer("shift", torch.tensor([0.3, 1e-3]))


@pytest.mark.parametrize("decay", [0.9, 0.999])
def test_the_average_is_lightnings(decay):
    """Its first value is a copy; the buffers, which it averages too, drift alike."""
    module = Module()
    mine, theirs = Averaging(decay), EMAWeightAveraging(decay=decay)
    assert mine.state_key == theirs.state_key
    for callback in (mine, theirs):
        callback.setup(None, module, "fit")
    mine.take_over(module)
    assert not mine.has_integers
    for step in range(1, 8):
        gradients(module, step)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter += parameter.grad
        mine.update()
        mine.settle()
        theirs._average_model.update_parameters(module)
        theirs._latest_update_step = step
    mine.count(7, 7)
    assert mine.state_dict() == theirs.state_dict()
    pairs = (callback._average_model.state_dict() for callback in (mine, theirs))
    for (name, a), (_, b) in zip(*(pair.items() for pair in pairs), strict=True):
        assert torch.equal(a, b), name


def test_an_average_of_whole_numbers_is_told():
    module = Module()
    module.net.append(nn.BatchNorm1d(3))
    callback = Averaging(0.9)
    callback.setup(None, module, "fit")
    assert callback.has_integers


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("smallest", [4096, 512])
def test_pieces_of_the_lists_give_the_same_bits(monkeypatch, smallest, amsgrad):
    """By torch's kernel: weights, moments and counts; two tensors are smaller than a piece."""
    monkeypatch.setattr(module, "SMALLEST", smallest)
    draw = torch.Generator().manual_seed(0)
    shapes = [(300, 71), (300,), (5, 300), (5,)]
    lists = [[torch.rand(shape, generator=draw) for shape in shapes] for _ in range(4 + amsgrad)]
    counts = [torch.tensor(float(n)) for n in (3, 4, 5, 6)]
    mine = [[tensor.clone() for tensor in each] for each in lists]
    cut, steps = cut_lists(mine, counts)
    assert len(shapes) < len(cut[0]) == len(steps) <= LAUNCHES * LAUNCH_TENSORS[len(lists)]
    assert all(piece.numel() <= smallest for each in cut for piece in each)
    options = {"beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0, "eps": 1e-8}
    for (p, g, m, v, *most), n in ((lists, counts), (cut, steps)):
        most = most[0] if amsgrad else []
        torch._fused_adam_(
            *(p, g, m, v, most, n), lr=0.01, amsgrad=amsgrad, maximize=False, **options
        )
    for a, b in zip(lists, mine, strict=True):
        assert all(map(torch.equal, a, b))
    assert [int(n) for n in dict.fromkeys(steps)] == [3, 4, 5, 6]


@pytest.mark.parametrize("sizes", [[9_000_000], [10] * 36 * LAUNCHES])
def test_lists_that_cannot_be_cut_into_smaller_pieces_stay_whole(sizes):
    lists = [[torch.zeros(size) for size in sizes]] * 4
    counts = [torch.tensor(1.0)] * len(sizes)
    assert cut_lists(lists, counts) == (lists, counts)
