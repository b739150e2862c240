"""Where a decoder starts that knows the mean of the data."""

import numpy as np
import pytest
import torch
from helpers.runs import QUICK, make_run
from sklearn.datasets import load_digits

from vael.errors import ConfigError
from vael.runs.folder import read_config
from vael.training.fit import train
from vael.training.setup import prepare_run

BIAS = "+callbacks.extra.output_bias={_target_: vael.training.callbacks.OutputBias}"
STILL = (
    "likelihood=bernoulli",
    "data.binarize=threshold",
    "trainer.max_epochs=1",
    "optimizer.lr=1e-30",
    BIAS,
)


def bias_of(folder, name="last"):
    state = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]
    names = [key for key in state if key.startswith("vae.likelihood.net") and "bias" in key]
    return state[names[-1]].double().numpy()


def test_it_is_the_logit_of_the_mean_of_each_training_pixel(tmp_path):
    folder = make_run(tmp_path, *QUICK, *STILL)
    train(folder)
    data = prepare_run(folder, read_config(folder)).data
    _, index = data.select("train")
    x = (load_digits().images[index] >= 8).mean(0).clip(1e-3, 1 - 1e-3)
    assert len(index) < len(load_digits().images)  # the others must not be seen
    np.testing.assert_allclose(bias_of(folder), np.log(x / (1 - x)).ravel(), rtol=1e-5, atol=1e-6)


def test_a_continued_run_keeps_what_it_has_learned(tmp_path):
    folder = make_run(tmp_path, *QUICK, *STILL)
    train(folder)
    path = folder / "checkpoints" / "last.ckpt"
    kept = torch.load(path, weights_only=True)
    names = [key for key in kept["state_dict"] if key.startswith("vae.likelihood.net")]
    kept["state_dict"][names[-1]] += 1
    torch.save(kept, path)
    before = bias_of(folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("max_epochs: 1", "max_epochs: 2"))
    train(folder)
    np.testing.assert_allclose(bias_of(folder), before, rtol=1e-6)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("likelihood=gaussian",), "needs likelihood=bernoulli, got Gaussian"),
        (("model=conv_vae",), "ends in a Linear with 64 outputs"),
    ],
)
def test_what_has_no_such_bias_is_refused(overrides, says, tmp_path):
    folder = make_run(tmp_path, *QUICK, *STILL, *overrides)
    with pytest.raises(ConfigError, match=says):
        train(folder)
