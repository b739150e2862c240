"""Data of 16 bits from the file to a trained step."""

import numpy as np
import pytest
import torch
from helpers.runs import ROOT, config_of
from omegaconf import OmegaConf

from vael.data import on_disk
from vael.data.module import VaelData
from vael.data.preprocess import Preprocess, uniform_levels
from vael.data.sources.array import ArrayFile
from vael.errors import ConfigError, DataError
from vael.pretrained.inputs import convert_examples
from vael.training.setup import prepare_run

X = np.random.default_rng(0).integers(0, 65536, (40, 6, 5), dtype=np.uint16)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4"])
def test_uint16_arrays_keep_their_bits(tmp_path, monkeypatch, large, dtype):
    if large:
        monkeypatch.setattr(on_disk, "LARGE", 100)
        monkeypatch.setattr(on_disk, "SAMPLE", 16)
    np.save(tmp_path / "x.npy", X.astype(dtype))
    with pytest.raises(DataError, match=r"0 to 255 .*set data\.levels=65536 to keep all"):
        ArrayFile(str(tmp_path / "x.npy")).decode()
    source = ArrayFile(str(tmp_path / "x.npy"), levels=65536)
    data = VaelData(source, 4, cache_dir=str(tmp_path / "cache"))
    data.prepare()
    _, index = data.select("train")
    batch = data.head("train", 99).x
    assert batch.dtype == torch.int32
    np.testing.assert_array_equal(batch[:, 0], X[index])
    seen = data.preprocess(batch)
    np.testing.assert_array_equal((seen.double() * 65535).round()[:, 0], X[index])
    again = convert_examples(seen, data.spec)
    np.testing.assert_array_equal(again[:, 0], X[index])


def test_binarising_is_exact_in_probability():
    """P(u < k) = k / steps; 200,000 draws at k = steps / 3: 6 standard errors."""
    generator = torch.Generator().manual_seed(0)
    u = uniform_levels(65535, torch.Size([200_000]), generator)
    assert (u.min() >= 0, u.max() <= 65534) == (True, True)
    share = (u < 21845).double().mean().item()
    assert abs(share - 1 / 3) < 6 * (2 / 9 / 200_000) ** 0.5
    x = Preprocess("stochastic", 65536)(torch.full((50_000,), 21845, dtype=torch.int32), generator)
    assert abs(x.mean().item() - 1 / 3) < 6 * (2 / 9 / 50_000) ** 0.5


LIKELIHOODS = sorted(file.stem for file in (ROOT / "conf" / "likelihood").glob("*.yaml"))
REFUSED = {
    **dict.fromkeys(("mixed", "poisson", "negative_binomial"), "column of a table"),
    "categorical": "65536 levels",
    "student_t": "65536 levels",
}


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("array", [X, np.where(X > 30_000, 65535, 0)], ids=["noise", "extremes"])
def test_a_step_is_finite_or_the_likelihood_is_refused_by_name(tmp_path, likelihood, array):
    np.save(tmp_path / "x.npy", array.astype(np.uint16))
    config = config_of(
        *("data=array", f"data.path={tmp_path}/x.npy", "data.levels=65536", "model=mlp_vae"),
        *(f"likelihood={likelihood}", "data.batch_size=8", "logger=csv", "trainer.threads=1"),
    )
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(config))
    if likelihood in REFUSED:
        with pytest.raises(ConfigError, match=f"{likelihood}.*{REFUSED[likelihood]}.*use lik"):
            prepare_run(tmp_path, config)
        return
    run = prepare_run(tmp_path, config)
    loss = run.lit.training_step(next(iter(run.data.train_dataloader())), 0)
    loss.backward()
    assert torch.isfinite(loss)
    gradients = [p.grad for p in run.lit.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert "65,536 levels" in run.data.description
