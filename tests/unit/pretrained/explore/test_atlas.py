"""What is said of the latent dimensions and of the planes, against torch and sklearn."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import Normal, kl_divergence

from vael.errors import ConfigError


@pytest.fixture(scope="module")
def posteriors(digits):
    """mu and sigma of every test digit, by the encoder itself."""
    arrays, index = digits.trained.data.select("test")
    x = torch.from_numpy(arrays.x[index]).float() / 16
    q = digits.trained.vae.encode(x)
    return q.mean, q.log_sigma.exp()


def test_the_kl_of_each_dimension_orders_the_sliders(digits, posteriors):
    mu, sigma = posteriors
    kl = kl_divergence(Normal(mu.double(), sigma.double()), Normal(0.0, 1.0)).mean(0)
    facts = digits.facts()["dims"]
    assert [of["dim"] for of in facts] == kl.argsort(descending=True).tolist()
    assert [of["kl"] for of in facts] == pytest.approx(
        kl.sort(descending=True).values.tolist(), rel=1e-4
    )
    variance = mu.double().numpy().var(0)
    for of in facts:
        assert of["variance"] == pytest.approx(variance[of["dim"]], rel=1e-4)
        assert of["active"] == (variance[of["dim"]] > 0.01)
        assert sum(of["histogram"]) == len(mu), "every example is within the slider's reach"


def test_the_principal_plane_is_sklearns(digits, posteriors):
    mu = posteriors[0].double().numpy()
    pca = PCA(2).fit(mu)
    plane = digits.atlas.plane(None)
    assert np.abs(np.sum(plane.axes.numpy() * pca.components_, 1)) == pytest.approx(1, abs=1e-4)
    assert np.abs(plane.u.numpy()) == pytest.approx(np.abs(pca.transform(mu)), abs=1e-3)
    assert plane.names == tuple(
        f"PC{i + 1} ({share:.0%})" for i, share in enumerate(pca.explained_variance_ratio_)
    )


def test_a_plane_of_two_dimensions_shows_them(digits, posteriors):
    plane = digits.atlas.plane([3, 1])
    assert plane.u.numpy() == pytest.approx(posteriors[0][:, [3, 1]].numpy(), abs=1e-5)


@pytest.mark.parametrize("dims", [[0], [1, 1], [0, 4], [-1, 0], [0, 1, 2], []])
def test_what_is_no_plane_is_refused(digits, dims):
    with pytest.raises(ConfigError, match="2 different latent dimensions of 0 to 3"):
        digits.atlas.plane(dims)


def test_two_dimensions_are_shown_directly(table):
    assert table.facts()["planes"] == [{"axes": [0, 1]}]
    assert table.atlas.plane([0, 1]).u.equal(table.atlas.means)
