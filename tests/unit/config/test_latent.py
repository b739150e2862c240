"""A latent has one shape: ``model.latent_dim`` or ``model.latent_shape``."""

import pytest
import torch
from omegaconf import OmegaConf

from vael.config.build import build_seeds, build_vae
from vael.config.compose import compose_config
from vael.config.series import ConfigSeries
from vael.config.validate import check_config
from vael.errors import ConfigError
from vael.metrics.latent_activity import name_dim
from vael.types import DataSpec

SPEC = DataSpec((1, 4, 4), 5, "unit", 8, 2, 2)
NETS = ["model=mlp_vae", "model.encoder.hidden=[8]", "model.decoder.hidden=[8]"]


@pytest.mark.parametrize("composer", [None, ConfigSeries()], ids=["alone", "series"])
def test_a_shape_takes_the_place_of_the_size_in_the_models_file(composer):
    shaped = compose_config(["model.latent_shape=[4,2,2]"], composer)
    check_config(shaped)
    assert (shaped.model.latent_dim, list(shaped.model.latent_shape)) == (None, [4, 2, 2])
    plain = compose_config(["model.latent_dim=3"], composer)
    check_config(plain)
    assert (plain.model.latent_dim, plain.model.latent_shape) == (3, None)


def test_a_config_from_before_there_were_shapes_has_a_size():
    config = compose_config([])
    del config.model["latent_shape"]
    check_config(config)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["model.latent_dim=4", "model.latent_shape=[4,2,2]"], r"latent_dim=4 and .*=\[4,2,2\]"),
        (["model.latent_shape=[4,0,2]"], r"integers >= 1, .* but got \[4,0,2\]"),
        (["model.latent_shape=[]"], r"but got \[\]"),
        (["model.latent_shape=[4,2.5]"], r"but got \[4,2.5\]"),
        (["model.latent_shape=[true]"], r"but got \[True\]"),
        (["model.latent_shape=4"], r"but got 4"),
        (["model.latent_dim=null"], r"latent_dim must be an integer >= 1, but got None"),
    ],
)
def test_two_shapes_or_none_are_one_line(given, said):
    with pytest.raises(ConfigError, match=said):
        check_config(compose_config(given))


def test_both_in_a_file_are_one_line():
    config = compose_config([])
    OmegaConf.update(config, "model.latent_shape", [2, 2])
    with pytest.raises(ConfigError, match=r"must be null where there is a .*\[2,2\], but got 16"):
        check_config(config)


ELEMENTWISE = ["normal", "laplace", "student_t"]
PRIORS = [["prior=standard_normal"], ["prior=mixture", "prior.components=3"]]
PRIORS += [["prior=vamp", "prior.components=3"]]


def build(*overrides):
    config = compose_config([*NETS, *overrides])
    return build_vae(config, SPEC, build_seeds(config)).double()


@pytest.mark.slow
@pytest.mark.parametrize("prior", PRIORS, ids=lambda words: words[0])
@pytest.mark.parametrize("posterior", ELEMENTWISE)
def test_a_dense_net_does_not_care_how_its_latent_is_laid_out(posterior, prior):
    more = [f"posterior={posterior}", *prior]
    shaped, flat = build("model.latent_shape=[2,3,1]", *more), build("model.latent_dim=6", *more)
    flat.load_state_dict(
        {k: v.reshape(flat.state_dict()[k].shape) for k, v in shaped.state_dict().items()}
    )
    x, eps = torch.rand(5, 1, 4, 4).double(), torch.randn(2, 5, 2, 3, 1).double()
    one, two = shaped(x, (eps,)), flat(x, (eps.flatten(2),))
    torch.testing.assert_close(one.latents[0].z.flatten(2), two.latents[0].z, rtol=0, atol=0)
    torch.testing.assert_close(one.log_w(), two.log_w(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(one.rate, two.rate, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(shaped.reconstruct(x), flat.reconstruct(x), rtol=1e-12, atol=0)
    noise = [torch.randn(3, 2, *shape).double() for shape in shaped.prior_noise_shapes]
    (size,) = flat.prior_noise_shapes
    drawn = shaped.sample(tuple(noise)).mean
    assert drawn.shape == (3, 2, 1, 4, 4)
    same = flat.sample((noise[0].reshape(3, 2, *size),)).mean
    torch.testing.assert_close(drawn, same, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "part", ["posterior=full_normal", "posterior=iaf", "prior=autoregressive", "prior=spline"]
)
def test_what_needs_a_vector_refuses_a_map(part):
    with pytest.raises(ConfigError, match=r"needs a latent that is a vector .*\(2, 3, 1\)"):
        build("model.latent_shape=[2,3,1]", part)


def test_numbers_of_a_map_are_named_by_channel_row_and_column():
    z = torch.arange(24).reshape(2, 3, 4)
    assert name_dim(int(z[1, 2, 3]), z.shape) == "z1[2,3]"
    assert name_dim(int(z[0, 2, 1]), z.shape) == "z0[2,1]"
    assert name_dim(7, (16,)) == "z7"
