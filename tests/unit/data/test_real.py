"""Images of real numbers: standardised by channel, trained on with a density."""

import numpy as np
import pytest
import torch
from helpers.runs import config_of
from omegaconf import OmegaConf
from scipy import stats

from vael.data import on_disk
from vael.data.module import VaelData
from vael.data.sources.array import ArrayFile
from vael.errors import ConfigError, DataError
from vael.pretrained.inputs import convert_examples
from vael.training.setup import prepare_run

RNG = np.random.default_rng(0)
X = RNG.normal([5, -300], [0.1, 40], (40, 8, 9, 2))  # two channels of other units, channels last
DENSITIES = ("gaussian", "laplace", "logistic", "student_t", "logistic_mixture")
NEED_LEVELS = ("beta_binomial", "categorical")
NEED_UNIT = ("bernoulli", "continuous_bernoulli")


def prepared(tmp_path, array, **options):
    np.save(tmp_path / "x.npy", array)
    source = ArrayFile(str(tmp_path / "x.npy"), support="real", **options)
    data = VaelData(source, 4, cache_dir=str(tmp_path / "cache"))
    data.prepare()
    return data


def run_of(tmp_path, array, *settings):
    np.save(tmp_path / "x.npy", array)
    config = config_of(
        *("data=array", f"data.path={tmp_path}/x.npy", "data.support=real", "model=mlp_vae"),
        *("data.batch_size=8", "logger=csv", "trainer.threads=1", *settings),
    )
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(config))
    return prepare_run(tmp_path, config)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("dtype", ["<f8", ">f4", "f2", "<i2", "g"])
def test_each_channel_is_standardised_over_the_training_images(
    tmp_path, monkeypatch, large, dtype
):
    if large:
        monkeypatch.setattr(on_disk, "LARGE", 100)
        monkeypatch.setattr(on_disk, "SAMPLE", 16)
    data = prepared(tmp_path, X.astype(dtype))
    plain = X.astype(dtype).astype(np.float64).transpose(0, 3, 1, 2)
    _, index = data.select("train")
    batch = data.head("train", 99).x
    assert batch.dtype == torch.float32
    np.testing.assert_allclose(batch, plain[index], rtol=1e-6)
    seen = data.preprocess(batch).double()
    mean, std = (f(plain[index], axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.std))
    np.testing.assert_allclose(seen, (plain[index] - mean) / std, atol=2e-4)
    np.testing.assert_allclose(data.preprocess.restore(seen.float()), plain[index], rtol=1e-5)
    assert (data.spec.support, data.spec.levels) == ("real", None)
    assert "no levels (any real numbers)" in data.description
    assert any("data.support=real" in note for note in data.notes)
    again = convert_examples(batch.numpy(), data.spec)
    torch.testing.assert_close(again, batch)


@pytest.mark.parametrize("likelihood", DENSITIES)
@pytest.mark.parametrize("model", ["mlp_vae", "conv_vae", "resnet_vae"])
def test_other_units_change_no_loss(tmp_path, likelihood, model):
    """The loss is of standardised values: those of 1000 x + 7 are those of x."""
    found = []
    for number, array in enumerate((X, 1000 * X + 7)):
        folder = tmp_path / str(number)
        folder.mkdir()
        run = run_of(folder, array, f"likelihood={likelihood}", f"model={model}")
        loss = run.lit.training_step(next(iter(run.data.train_dataloader())), 0)
        loss.backward()
        found.append(loss.item())
    assert np.isfinite(found).all()
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_the_score_is_the_density_in_standard_deviations(tmp_path):
    run = run_of(tmp_path, X, "likelihood.scale=fixed", "likelihood.sigma=0.7")
    x = run.data.preprocess(run.data.head("val", 3).x)
    px = run.lit.vae.decode(torch.randn(1, 3, *run.lit.vae.noise_shapes[0]))
    wanted = stats.norm.logpdf(x.numpy(), px.mean[0].detach().numpy(), 0.7).sum((1, 2, 3))
    np.testing.assert_allclose(px.log_prob(x)[0].detach(), wanted, rtol=1e-5)
    with pytest.raises(ConfigError, match="this data has none; score it by val/elbo"):
        px.log_mass(x)


@pytest.mark.parametrize("likelihood", [*NEED_LEVELS, *NEED_UNIT])
def test_a_likelihood_of_masses_is_refused(tmp_path, likelihood):
    with pytest.raises(ConfigError, match="use likelihood=gaussian") as caught:
        run_of(tmp_path, X, f"likelihood={likelihood}")
    assert "\n" not in str(caught.value)


def test_they_can_be_resized_and_are_not_clipped(tmp_path):
    data = prepared(tmp_path, np.ones((9, 8, 8)) * np.arange(-4, 5)[:, None, None], image_size=4)
    np.testing.assert_array_equal(data.cached.data.train.x[:, 0, 1, 2], np.arange(-4, 5))
    assert any("resized to 4 x 4" in note for note in data.notes)


def test_a_channel_that_never_changes_is_told(tmp_path):
    array = X.copy()
    array[..., 1] = 3
    data = prepared(tmp_path, array)
    assert any(
        "1 of 2 channels do not change over the training images (1)" in n for n in data.notes
    )
    assert torch.isfinite(data.preprocess(data.head("train", 9).x)).all()


HOLE = np.where(np.arange(9)[:, None] == 3, np.nan, X)
BAD = {
    "nan": (HOLE, {}, DataError, r"640 NaN or infinite.*remove or replace them$"),
    "huge": (X * 1e60, {}, DataError, "must fit float32, .* channel 1"),
    "offset": (X + 1e9, {}, DataError, "channel 0 .*subtract an offset"),
    "complex": (X + 1j, {}, DataError, "real numbers, got dtype complex128"),
    "levels": (X, {"levels": 256}, ConfigError, "data.levels=256 is for images in"),
    "table": (X[:, 0, :, 0], {}, ConfigError, "data.support are for images, but"),
    "series": (X[..., :1].repeat(9, -1), {}, DataError, r"1 to 4 channels"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_one_line(tmp_path, case):
    array, options, error, match = BAD[case]
    with pytest.raises(error, match=match) as caught:
        prepared(tmp_path, array, **options)
    assert "\n" not in str(caught.value)


def test_the_refusal_of_other_values_names_the_setting(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(DataError, match=r"must lie in \[0, 1\].*density: data\.support=real"):
        ArrayFile(str(tmp_path / "x.npy")).decode()
    with pytest.raises(ConfigError, match=r"data\.support must be one of unit, real, got 'any'"):
        ArrayFile(str(tmp_path / "x.npy"), support="any")
