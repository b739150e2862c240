"""A linear-Gaussian world with holes: the evidence is that of the observed coordinates."""

import math

import numpy as np
import torch
from oracles.exact_vae import full_theta, linear_vae
from oracles.linear_gaussian import LinearGaussian

from vael.metrics.evidence import weigh
from vael.metrics.imputation import impute
from vael.models.posteriors.full_normal import FullNormal
from vael.models.vae import VAE

WORLD = LinearGaussian.draw(6, 3)
OBSERVED = np.array([True, False, True, True, False, True])


def observed_world() -> LinearGaussian:
    return LinearGaussian(WORLD.W[OBSERVED], WORLD.b[OBSERVED], WORLD.sigma)


def holed(count: int) -> tuple[np.ndarray, torch.Tensor]:
    """Examples, and the same with NaN at the coordinates that are not observed."""
    x = WORLD.sample(count)
    return x, torch.from_numpy(np.where(OBSERVED, x, np.nan))


def vae_of_the_observed() -> VAE:
    """q(z|x) = p(z|the observed coordinates): its map is 0 where there are holes."""
    world, d = observed_world(), WORLD.latent_dim
    A, cov = world.posterior_map()
    whole = np.zeros((d, len(WORLD.b)))
    whole[:, OBSERVED] = A
    vae = linear_vae(WORLD, FullNormal((d,)), whole, -A @ world.b, full_theta(cov))
    vae.holes = True
    return vae


def test_at_the_exact_posterior_every_weight_is_the_evidence_of_what_is_observed():
    x, seen = holed(7)
    trace = vae_of_the_observed()(seen, (torch.randn(5, 7, 3).double(),))
    wanted = observed_world().log_evidence(x[:, OBSERVED])
    np.testing.assert_allclose(trace.log_w().detach().numpy(), np.tile(wanted, (5, 1)), rtol=1e-12)
    assert trace.mask.tolist() == [OBSERVED.tolist()] * 7
    assert (trace.x[:, ~OBSERVED] == 0).all()


def test_the_scores_are_those_of_the_observed_coordinates():
    x, seen = holed(7)
    with torch.no_grad():
        found = weigh(
            vae_of_the_observed(),
            seen,
            lambda number, shape: torch.randn(7, *shape).double(),
            3,
            None,
            num_dims=float(OBSERVED.sum()),
        ).evidence
    wanted = observed_world().log_evidence(x[:, OBSERVED])
    np.testing.assert_allclose(found.iwae.numpy(), wanted, rtol=1e-12)
    A, cov = observed_world().posterior_map()
    mean = (x[:, OBSERVED] - observed_world().b) @ A.T
    np.testing.assert_allclose(found.rate.numpy(), WORLD.kl(mean, cov), rtol=1e-12)
    np.testing.assert_allclose(found.mu.numpy(), mean, rtol=1e-10)


def test_another_value_in_a_hole_changes_nothing_but_without_holes_it_would():
    _, seen = holed(4)
    eps = (torch.randn(2, 4, 3).double(),)
    vae = vae_of_the_observed()
    assert torch.isfinite(vae(seen, eps).log_px).all()
    vae.holes = False
    assert torch.isnan(vae(seen, eps).log_px).all()


def test_the_encoder_sees_the_mask_behind_x_where_it_is_asked_to():
    vae = vae_of_the_observed()
    vae.shows_mask = True
    x = torch.tensor([[1.0, math.nan, 3.0]])
    shown = vae.show(*vae.split_holes(x))
    assert shown.tolist() == [[1, 0, 3, 1, 0, 1]]
    image = torch.tensor([[[[1.0, math.nan]]]])
    assert vae.show(*vae.split_holes(image)).tolist() == [[[[1, 0]], [[1, 0]]]]


def test_all_observed_is_no_mask_to_the_bit():
    x, eps = torch.from_numpy(WORLD.sample(6)), (torch.randn(2, 6, 3).double(),)
    found = []
    for holes in (True, False):
        vae = vae_of_the_observed()
        vae.holes = holes
        trace = vae(x, eps)
        loss = (trace.rate - trace.log_px).mean()
        found.append([loss, *torch.autograd.grad(loss, tuple(vae.parameters()))])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_what_is_imputed_is_the_conditional_mean_of_the_observed():
    x, seen = holed(5)
    half = torch.randn(3, 5, 3).double()
    both = torch.cat([half, -half])  # the mean of z is then exact, and all weights are equal
    with torch.no_grad():
        found = impute(vae_of_the_observed(), seen, lambda number, shape: both[number], 6)
    o, m = OBSERVED, ~OBSERVED
    cov = WORLD.W @ WORLD.W.T + WORLD.sigma**2 * np.eye(6)
    gain = cov[np.ix_(m, o)] @ np.linalg.inv(cov[np.ix_(o, o)])
    wanted = WORLD.b[m] + (x[:, o] - WORLD.b[o]) @ gain.T
    np.testing.assert_allclose(found.mean[:, m].numpy(), wanted, rtol=1e-10)


def test_the_density_of_hidden_values_is_that_given_the_observed():
    x, seen = holed(5)
    hidden = torch.from_numpy(np.tile(~OBSERVED, (5, 1)))
    noise, count = torch.Generator().manual_seed(0), 40_000
    eps = torch.randn(count, 5, 3, generator=noise, dtype=torch.float64)
    with torch.no_grad():
        found = impute(
            vae_of_the_observed(),
            seen,
            lambda number, shape: eps[number],
            count,
            hidden=(torch.from_numpy(x), hidden),
            draws=4000,
            generator=noise,
        )
    wanted = WORLD.log_evidence(x) - observed_world().log_evidence(x[:, OBSERVED])
    assert found.log_hidden is not None
    np.testing.assert_allclose(found.log_hidden.numpy(), wanted, atol=0.05)
    drawn = found.draws[:, :, ~OBSERVED].numpy()
    away = (drawn.mean(0) - found.mean[:, ~OBSERVED].numpy()) / drawn.std(0) * math.sqrt(4000)
    assert np.abs(away).max() < 5
