"""Whether a compiled loss is right is found out before it trains; no compiler is needed here."""

import dataclasses

import pytest
import torch
import torch._inductor.config
from helpers.identical import assert_same, read
from helpers.runs import make_run
from helpers.schedules import at
from helpers.steps import SMALL, left_by

from vael.distributed.signals import Stopped
from vael.training import setup
from vael.training.fit import train

CODES = ("latents=vq", "latents.codebook_size=8", "latents.decay=0.9")  # its buffers change


def scaled(loss, factor):
    return dataclasses.replace(loss, value=loss.value * factor)


def halved_value(compute):
    return lambda *given: scaled(compute(*given), 0.5)


def no_gradient_of_the_decoder(compute):
    def wrong(vae, *given):
        learned = list(vae.likelihood.parameters())
        for parameter in learned:
            parameter.requires_grad_(False)
        loss = compute(vae, *given)
        for parameter in learned:
            parameter.requires_grad_(True)
        return loss

    return wrong


def no_gradient_of_the_rate(compute):
    """At first that is 7 % of the gradient of an encoder; the value is right."""

    def wrong(vae, *given):
        rate = vae.latents.rate
        vae.latents.rate = lambda latents: rate(latents).detach()
        loss = compute(vae, *given)
        del vae.latents.rate
        return loss

    return wrong


def run(tmp_path, *options):
    folder = make_run(tmp_path, *SMALL, *options)
    train(folder)
    return folder


@pytest.mark.parametrize(
    ("wrong", "options"),
    [
        (halved_value, ()),
        (halved_value, CODES),
        (no_gradient_of_the_decoder, ()),
        (no_gradient_of_the_decoder, ("trainer.group=1",)),
        (no_gradient_of_the_rate, ()),
        (no_gradient_of_the_rate, ("objective/schedule=linear", "objective.schedule.steps=20")),
    ],
)
def test_a_wrong_compiled_loss_does_not_train(tmp_path, monkeypatch, wrong, options):
    monkeypatch.setattr(torch, "compile", lambda compute, options: wrong(compute))
    folder = run(tmp_path / "compiled", "trainer.compile=true", *options)
    said = (folder / "train.log").read_text()
    assert "training is not compiled, since the compiled loss is wrong: it" in said
    plain = run(tmp_path / "plain", *options)
    assert_same(left_by(folder), left_by(plain))
    assert not read(folder)["compiled"]


def test_a_run_that_began_uncompiled_goes_on_so(tmp_path, monkeypatch):
    """Whatever the machine that it goes on on can do."""
    stop = at("SignalAt", 4)
    monkeypatch.setattr(torch, "compile", lambda compute, options: halved_value(compute))
    folder = make_run(tmp_path / "compiled", *SMALL, "trainer.compile=true", *stop)
    with pytest.raises(Stopped):
        train(folder)
    monkeypatch.setattr(torch, "compile", lambda compute, options: lambda *given: compute(*given))
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("step: 4", "step: -1"))
    train(folder)
    assert not read(folder)["compiled"]


@pytest.mark.filterwarnings("ignore")  # torch compiles with warnings about its own parts
def test_a_machine_without_a_compiler_trains_and_says_so(tmp_path, monkeypatch):
    """With torch's own compile: no compiler is found, and none of its code is kept."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", (None, "/no/compiler"))
    folder = run(tmp_path / "compiled", "trainer.compile=true")
    assert (
        "torch cannot compile the loss: InvalidCxxCompiler" in (folder / "train.log").read_text()
    )
    assert_same(left_by(folder), left_by(run(tmp_path / "plain")))


@pytest.mark.parametrize("options", [(), CODES, ("condition=label",)], ids=["", "codes", "label"])
def test_a_right_compiled_loss_trains_as_the_plain_one(tmp_path, monkeypatch, options):
    """Looking at it leaves neither buffers nor random numbers behind."""
    calls = []

    def compile_(compute, options):
        return lambda *given: (calls.append(1), compute(*given))[1]

    monkeypatch.setattr(setup.torch, "compile", compile_)
    folder = run(tmp_path / "compiled", "trainer.compile=true", *options)
    assert "not compiled" not in (folder / "train.log").read_text()
    assert len(calls) > 20
    assert read(folder)["compiled"]
    found, plain = left_by(folder), left_by(run(tmp_path / "plain", *options))
    for each in (found, plain):
        for name in ("last.ckpt", "best.ckpt"):
            del each[name]["compiled"]
    assert_same(found, plain)
