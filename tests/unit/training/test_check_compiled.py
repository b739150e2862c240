"""Whether a compiled loss is right is found out before it trains; no compiler is needed here."""

import dataclasses

import pytest
import torch
import torch._inductor.config
from helpers.identical import assert_same
from helpers.runs import make_run
from helpers.steps import SMALL, left_by

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


def run(tmp_path, *options):
    folder = make_run(tmp_path, *SMALL, *options)
    train(folder)
    return folder


@pytest.mark.parametrize("options", [(), CODES, ("trainer.group=1",)], ids=["", "codes", "single"])
@pytest.mark.parametrize("wrong", [halved_value, no_gradient_of_the_decoder])
def test_a_wrong_compiled_loss_does_not_train(tmp_path, monkeypatch, wrong, options):
    monkeypatch.setattr(torch, "compile", lambda compute, options: wrong(compute))
    folder = run(tmp_path / "compiled", "trainer.compile=true", *options)
    said = (folder / "train.log").read_text()
    assert "training is not compiled, since the compiled loss is wrong: it" in said
    plain = run(tmp_path / "plain", *options)
    assert_same(left_by(folder), left_by(plain))


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
    assert_same(left_by(folder), left_by(run(tmp_path / "plain", *options)))
