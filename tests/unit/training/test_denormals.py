"""Denormal numbers are 0 while a run trains, in all threads, and are there again after it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.runs import QUICK, ROOT, make_run, trained_run
from torch.optim import Adam

from vael.training.denormals import flush_denormals

pytestmark = pytest.mark.skipif(
    not torch.set_flush_denormal(False), reason="this processor cannot flush denormal numbers"
)
DENORMAL = 2.0**-130  # of float32; exact, and so is its half


def halves():
    """The bits of halves of a denormal number, which no comparison can take for 0."""
    return torch.full((4,), DENORMAL).mul(0.5).view(torch.int32)


def test_they_are_zero_within_and_themselves_again_behind():
    kept = torch.full((4,), 2**18, dtype=torch.int32)  # 2^-131 = 2^18 of 2^-149, the smallest
    assert torch.equal(halves(), kept)
    with flush_denormals():
        assert not halves().any()
        with flush_denormals():
            assert not halves().any()
        assert not halves().any(), "still within the outer one"
    assert torch.equal(halves(), kept)
    with pytest.raises(LookupError), flush_denormals():
        raise LookupError
    assert torch.equal(halves(), kept)


def test_numpy_works_out_its_smallest_numbers_before(monkeypatch):
    """NumPy 2.0 to 2.2 do so at the first question, warn if they are 0, and keep that."""
    asked = {}
    monkeypatch.setattr(np, "finfo", lambda kind: asked.setdefault(kind, bool(halves().all())))
    with flush_denormals():
        pass
    assert asked == {np.float32: True, np.float64: True}


@pytest.mark.parametrize("flush", [False, True])
def test_a_first_moment_without_gradients_ends(flush):
    """``0.1 g 0.9^n`` after n steps: denormal from n = 808 on; left alone, it never ends."""
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = Adam([weight], fused=True)

    def step(gradient):
        weight.grad = torch.full((1,), gradient)
        optimizer.step()
        return optimizer.state[weight]["exp_avg"]

    step(1.0)
    for _ in range(700):
        moment = step(0.0)
    assert moment.double().item() == pytest.approx(0.1 * 0.9**700, rel=1e-4)
    if flush:
        with flush_denormals():
            for _ in range(1000):
                step(0.0)
        assert moment.item() == 0
    else:
        for _ in range(1000):
            step(0.0)
        assert 0 < moment.item() < torch.finfo(torch.float32).tiny
        assert 0.1 * 0.9**1700 < 2.0**-149, "in exact arithmetic it would be less than any float32"


def test_a_run_trains_without_and_gives_them_back(tmp_path):
    watch = f"+callbacks.extra.watch={{_target_: helpers.callbacks.Halve, file: {tmp_path}/seen}}"
    trained_run(tmp_path, watch, "trainer.max_epochs=1")
    assert json.loads((tmp_path / "seen").read_text())[0] == 0
    assert halves().all()


def test_all_threads_of_a_process_train_without(tmp_path):
    """In a process of its own: those of this one may be there already."""
    watch = f"+callbacks.extra.watch={{_target_: helpers.callbacks.Halve, file: {tmp_path}/seen}}"
    folder = make_run(tmp_path, *QUICK, watch, "trainer.threads=3", "trainer.max_epochs=1")
    command = [sys.executable, "-m", "vael.cli", "train", str(folder)]
    subprocess.run(command, cwd=ROOT / "tests", check=True, capture_output=True)
    assert json.loads((tmp_path / "seen").read_text()) == [0] * 8
