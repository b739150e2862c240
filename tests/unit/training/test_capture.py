"""Capture without a GPU: a graph that keeps the body and calls it again stands in for CUDA's."""

from typing import ClassVar

import pytest
import torch
from helpers.identical import assert_same, read
from helpers.runs import make_run
from helpers.schedules import at
from helpers.steps import SMALL as SMALL_RUN
from helpers.steps import STEPS, left_by
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from vael.data.batches import Resident
from vael.distributed.signals import Stopped
from vael.errors import ConfigError, NonFiniteLoss
from vael.training import groups
from vael.training.capture import name_modules
from vael.training.device_steps import DeviceSteps
from vael.training.fit import train
from vael.training.inputs import Inputs

CPU = torch.device("cpu")
SMALL = (
    *SMALL_RUN,
    f"optimizer.lr={2**-10}",  # a number of float32: tables and numbers agree to the bit
    *("likelihood=bernoulli", "data.binarize=stochastic"),  # without looks that only a CPU has
)
VIEWS = {
    *("view", "_unsafe_view", "expand", "detach", "t", "transpose", "unbind", "squeeze", "select"),
    *("unsqueeze", "slice", "split", "chunk", "as_strided", "alias", "permute", "empty_strided"),
    *("empty", "new_empty_strided", "lift_fresh", "reshape", "empty_like"),
}


class Operators(TorchDispatchMode):
    """Counts what would be kernels, and refuses a look of the host."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        name = operator.overloadpacket.__name__
        if name in ("_local_scalar_dense", "nonzero"):
            raise RuntimeError("operation not permitted when stream is capturing")
        if name not in VIEWS:
            self.seen.append(name)
        return operator(*args, **kwargs or {})


class Recorded:
    """Replays by calling the body, in which a look of the host is an error, as under capture."""

    made: ClassVar[list["Recorded"]] = []

    def __init__(self, *generators):
        self.replays = 0
        self.made.append(self)

    def warm(self, body):
        body()
        with Operators() as self.operators:
            body()

    def record(self, body):
        self.body = body

    def replay(self):
        self.replays += 1
        with Operators():
            self.body()


@pytest.fixture(params=["on the device", "travelling"])
def captured(request, monkeypatch):
    """Runs take the steps of a GPU, on the CPU."""

    def make(step, loader, stop):
        if request.param == "on the device":
            loader.arrays = Resident.from_arrays(loader.arrays, CPU)
        return DeviceSteps(step, Inputs(loader, CPU, len(step.updates)), True, Recorded)

    monkeypatch.setattr(groups, "EagerSteps", make)
    monkeypatch.setattr(Recorded, "made", [])
    return Recorded.made


@pytest.mark.parametrize(
    "options",
    [
        ("optimizer=adamw", "objective=info"),
        ("callbacks.ema.decay=0.9", "trainer.gradient_clip_val=100", "condition=label"),
        ("trainer.skip_gradient_above=1330",),
        ("latents=vq", "latents.codebook_size=32", "latents.decay=0.8", "latents.restart=0.5"),
        # rates that float32, in which they reach a captured step, holds exactly
        ("objective=factor_vae", "optimizer.lr=0.0009765625", "objective.lr=0.00048828125"),
    ],
)
def test_a_captured_run_is_the_eager_one_to_the_bit(tmp_path, options, captured):
    """Warm-up, record and comparison leave nothing behind: every step of the run is a replay."""
    folder = make_run(tmp_path / "captured", *SMALL, *options)
    train(folder)
    assert read(folder)["step"] == "captured"
    (graph,) = captured
    assert graph.replays == 2 * STEPS + 1  # one is compared
    single = make_run(tmp_path / "single", *SMALL, *options, "trainer.group=1")
    train(single)
    assert_same(left_by(folder), left_by(single))


def test_a_captured_run_goes_on_where_it_was_stopped(tmp_path, captured):
    ema = "callbacks.ema.decay=0.9"
    whole = make_run(tmp_path / "whole", *SMALL, ema, "scheduler=cosine", *at("SignalAt", -1))
    train(whole)
    folder = make_run(tmp_path, *SMALL, ema, "scheduler=cosine", *at("SignalAt", 4))
    with pytest.raises(Stopped):
        train(folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("step: 4\n", "step: -1\n"))
    train(folder)
    assert [graph.replays for graph in captured] == [2 * STEPS + 1, 6 + 1, 2 * STEPS - 6 + 1]
    assert_same(left_by(folder), left_by(whole))


@pytest.mark.parametrize("step", [0, 1, 5, 13])
def test_a_bad_loss_is_found_at_its_step_although_later_steps_were_queued(
    tmp_path, step, captured
):
    told = []
    for most in ("null", "1"):
        folder = make_run(tmp_path / most, *SMALL, *at("ValueAt", step), f"trainer.group={most}")
        with pytest.raises(NonFiniteLoss) as caught:
            train(folder)
        told.append((str(caught.value), read(folder)["steps"]))
    assert told[0] == told[1]


def test_a_net_that_looks_is_named_and_trained_eagerly(tmp_path, captured):
    net = "model.decoder._target_=helpers.steps.Looking"
    folder = make_run(tmp_path / "looks", *SMALL, net)
    train(folder)
    assert read(folder)["step"] == "grouped"
    said = (folder / "train.log").read_text()
    reason = "since vae.likelihood.net (Looking) cannot be captured: operation not permitted"
    assert said.count(f"training is not captured in a CUDA graph, {reason}") == 1
    single = make_run(tmp_path / "single", *SMALL, net, "trainer.group=1")
    train(single)
    assert_same(left_by(folder), left_by(single))


def test_a_net_whose_counter_would_not_move_is_trained_eagerly(tmp_path, captured):
    """A replay does not run Python: such a net gives another loss captured than eagerly."""
    folder = make_run(tmp_path, *SMALL, "model.decoder._target_=helpers.steps.Counting")
    train(folder)
    assert read(folder)["step"] == "grouped"
    said = (folder / "train.log").read_text()
    assert "since a captured step differs from an eager one" in said


def test_a_step_keeps_to_its_budget_of_operators(tmp_path, captured):
    """Each is a kernel on a GPU, of about 3 us: their number bounds a captured step."""
    model = ("model.latent_dim=20", "model.encoder.hidden=[400]", "model.decoder.hidden=[400]")
    train(make_run(tmp_path, *SMALL, *model, "trainer.max_epochs=1"))
    (graph,) = captured
    seen = graph.operators.seen
    assert len(seen) <= BUDGET, sorted(seen)


BUDGET = 84
"""Of a CPU; on a GPU six fewer: its cross-entropy has four, and its random bytes one."""


def test_a_graph_on_a_cpu_is_refused_in_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"^trainer\.capture=true needs a GPU: use .*auto"):
        train(make_run(tmp_path, *SMALL, "trainer.capture=true"))


def test_the_innermost_module_is_named():
    inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model = nn.ModuleDict({"outer": nn.Sequential(inner, nn.Linear(2, 2))})

    def fail(*_):
        raise RuntimeError

    inner[1].register_forward_pre_hook(fail)
    with name_modules(model) as entered, pytest.raises(RuntimeError):
        model["outer"](torch.ones(2))
    assert entered == ["outer (Sequential)", "outer.0 (Sequential)", "outer.0.1 (ReLU)"]
    assert not any(module._forward_hooks for module in model.modules())


def test_no_module_is_watched_where_the_loss_is_compiled():
    model = nn.Sequential(nn.Linear(2, 2))
    model.compiled = len
    with name_modules(model) as entered:
        assert not any(module._forward_pre_hooks for module in model.modules())
        model(torch.ones(2))
    assert entered == []
