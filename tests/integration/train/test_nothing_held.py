"""A step holds none of its tensors when it is over: what one step held, all steps would hold."""

import gc
import weakref

import numpy as np
import pytest
from helpers.runs import QUICK, ROOT, config_of

from vael.training.setup import prepare_run

GRADIENTS = [("objective.gradient", name) for name in ("plain", "stl", "dreg", "piwae")]
CHOICES = GRADIENTS + [
    (group, path.stem)
    for group in ("objective", "posterior", "prior", "likelihood", "latents")
    for path in sorted((ROOT / "conf" / group).glob("*.yaml"))
]
MORE = {
    "objective.gradient": ("objective=bound", "objective.k=3"),
    "posterior=delta": ("objective=wae",),
    "prior=vamp": ("prior.components=10",),
    "likelihood=student_t": ("data=breast_cancer",),
    "likelihood=mixed": ("data=breast_cancer",),
}


@pytest.mark.parametrize(("group", "name"), CHOICES, ids=["=".join(each) for each in CHOICES])
def test_a_step_holds_no_tensor_when_it_is_over(tmp_path, group, name):
    choice = f"{group}={name}"
    more = MORE.get(choice, MORE.get(group, ()))
    if name in ("poisson", "negative_binomial"):
        np.savez(tmp_path / "counts.npz", x_train=np.arange(600).reshape(200, 3))
        more = ("data=array", f"data.path={tmp_path}/counts.npz")
    run = prepare_run(tmp_path, config_of(*QUICK, *more, choice, "trainer.accelerator=cpu"))
    run.data.prepare()
    held = []

    def note(module, given, trace):
        tensors = [trace.log_px, trace.rate, *(layer.z for layer in trace.latents)]
        held.extend(weakref.ref(tensor) for tensor in tensors)

    run.lit.vae.register_forward_hook(note)
    x = run.data.head("train", 16).x
    loss = run.lit.loss(x, run.lit.draws(0, 0), 1, 1.0)
    loss.value.backward()
    assert held
    del loss
    gc.collect()
    assert not [reference for reference in held if reference() is not None]
