"""vael export as its user meets it: the same model again, in vael and in onnxruntime."""

import numpy as np
import onnxruntime
import pytest
import torch
from helpers.runs import config_of
from oracles.flows import shake

import vael
from vael.config.build import build_vae
from vael.data.preprocess import Preprocess
from vael.errors import CheckpointError, ConfigError
from vael.models.flows import AutoregressiveFlow
from vael.pretrained.export import onnx
from vael.pretrained.export.export import encode_safetensors, export_model
from vael.pretrained.model import Model
from vael.randomness import Seeds
from vael.types import DataSpec


def untrained(model, likelihood, levels, shape, *overrides):
    config = config_of(f"model={model}", f"likelihood={likelihood}", *overrides)
    support = "unit" if len(shape) == 3 else "real"
    spec = DataSpec(shape, levels, support, 9, 9, 9, raw_levels=levels)
    vae_ = build_vae(config, spec, Seeds.derive(0)).eval().requires_grad_(False)
    moments = (torch.full(shape, 3.0), torch.full(shape, 2.0)) if len(shape) == 1 else ()
    return Model(
        vae_, Preprocess("none", levels, *moments), spec, config, None, torch.device("cpu")
    )


def test_an_export_gives_the_same_to_the_bit(run, tmp_path):
    target = export_model(run, output=tmp_path / "out")
    assert {path.name for path in target.iterdir()} == {
        "model.safetensors",
        "config.yaml",
        "README.md",
    }
    x = np.arange(64 * 5).reshape(5, 1, 8, 8) % 17
    first = vael.load(run)
    for path in (target, target / "model.safetensors"):
        again = vael.load(path)
        for own, other in zip(first.encode(x), again.encode(x), strict=True):
            assert torch.equal(own, other)
        assert torch.equal(first.reconstruct(x), again.reconstruct(x))
        assert torch.equal(first.sample(5), again.sample(5))
        assert torch.equal(first.log_prob(x, 3), again.log_prob(x, 3))
        assert again.spec == first.spec
    assert encode_safetensors(first) == encode_safetensors(again)


def test_the_card_says_what_it_is(run, tmp_path):
    text = (
        export_model(run, output=tmp_path / "a", license_name="cc-by-4.0") / "README.md"
    ).read_text()
    for part in (
        'license: "cc-by-4.0"',
        "vael train",
        "| test/bpd |",
        "| data | digits |",
        "nats, k = 5",
        "vael.load",
    ):
        assert part in text


def test_what_exists_is_not_written_over(run, tmp_path):
    target = export_model(run, output=tmp_path / "out")
    with pytest.raises(ConfigError, match="exists: add --force"):
        export_model(run, output=target)
    (target / "more").write_text("")
    export_model(run, output=target, force=True)
    assert not (target / "more").exists()
    with pytest.raises(ConfigError, match="exists and is no export"):
        export_model(run, output=run, force=True)
    assert sorted(tmp_path.iterdir()) == [target]


def test_bad_options_are_refused(run, tmp_path):
    with pytest.raises(ConfigError, match="--format must be one of safetensors, onnx"):
        export_model(run, "pickle", tmp_path / "out")
    with pytest.raises(CheckpointError, match="neither"):
        export_model(tmp_path / "absent")
    assert not any(tmp_path.iterdir())


CASES = [
    ("mlp_vae", "bernoulli", 2, (1, 8, 8), ()),
    ("mlp_vae", "gaussian", 17, (1, 8, 8), ("posterior=full_normal",)),
    ("mlp_vae", "student_t", None, (30,), ()),
    ("mlp_vae", "continuous_bernoulli", 256, (1, 8, 8), ()),
]
MORE = [
    ("conv_vae", "gaussian", 256, (1, 28, 28), ("likelihood.scale=predicted",)),
    ("resnet_vae", "logistic", 256, (3, 16, 16), ()),
    ("conv_vae", "categorical", 17, (1, 8, 8), ()),
    ("mlp_vae", "laplace", 17, (1, 8, 8), ("posterior=laplace",)),
    ("mlp_vae", "gaussian", 17, (1, 8, 8), ("posterior=iaf",)),
    ("mlp_vae", "gaussian", 17, (1, 8, 8), ("posterior=spline",)),
    ("mlp_vae", "beta_binomial", 17, (1, 8, 8), ()),
    ("resnet_vae", "logistic_mixture", 256, (3, 8, 8), ()),
]


@pytest.mark.parametrize(
    ("net", "likelihood", "levels", "shape", "overrides"),
    [*CASES[:2], *[pytest.param(*case, marks=pytest.mark.slow) for case in [*CASES[2:], *MORE]]],
)
def test_onnxruntime_reproduces_torch(net, likelihood, levels, shape, overrides):
    model = untrained(net, likelihood, levels, shape, *overrides)
    for flow in (part for part in model.vae.modules() if isinstance(part, AutoregressiveFlow)):
        shake(flow)
    encoder, decoder = (
        onnxruntime.InferenceSession(graph(model).content, providers=["CPUExecutionProvider"])
        for graph in (onnx.export_encoder, onnx.export_decoder)
    )
    for size in (1, 3, 10):
        x = torch.rand(size, *shape, generator=torch.Generator().manual_seed(size))
        seen = model.preprocess(x) if levels is None else x
        q = model.vae.encode(seen)
        mu, *sigma = encoder.run(None, {"x": x.numpy()})
        np.testing.assert_allclose(mu, q.mean, rtol=1e-5, atol=1e-5)
        assert len(sigma) == (q.sigma is not None)
        if sigma:
            np.testing.assert_allclose(sigma[0], q.sigma, rtol=1e-5, atol=1e-5)
        z = torch.randn(size, 16, generator=torch.Generator().manual_seed(size))
        (found,) = decoder.run(None, {"z": z.numpy()})
        np.testing.assert_allclose(found, model.decode(z), rtol=1e-5, atol=1e-5)


def test_an_onnx_export_says_so_where_it_is_loaded(tmp_path):
    (tmp_path / "encoder.onnx").write_bytes(b"")
    with pytest.raises(CheckpointError, match="an export to ONNX"):
        vael.load(tmp_path)
