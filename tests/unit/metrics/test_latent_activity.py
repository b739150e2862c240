import numpy as np
import pytest
import torch

from vael.metrics.latent_activity import measure_spectrum
from vael.models.posteriors.full_normal import FullNormalRecord
from vael.models.posteriors.normal import NormalRecord

RNG = np.random.default_rng(0)
N, D = 7, 3


def prior(d=D):
    return NormalRecord(torch.zeros(d).double(), torch.zeros(d).double())


def marginal_kl(mean, variance):
    """KL(N(mean, variance) || N(0, 1)), textbook."""
    return 0.5 * (mean**2 + variance - 1 - np.log(variance))


def test_a_diagonal_posterior_splits_its_rate_exactly():
    mean, log_sigma = RNG.normal(size=(N, D)), RNG.normal(size=(N, D)) / 2
    found = measure_spectrum(NormalRecord(torch.tensor(mean), torch.tensor(log_sigma)), prior())
    np.testing.assert_allclose(found.kl, marginal_kl(mean, np.exp(2 * log_sigma)).mean(0))
    assert found.remainder == pytest.approx(0, abs=1e-12)


def test_a_full_covariance_leaves_its_total_correlation_as_the_remainder():
    mean, diag = RNG.normal(size=(N, D)), RNG.normal(size=(N, D)) / 2
    lower = np.tril(RNG.normal(size=(N, D, D)), -1)
    factor = lower + np.exp(diag)[:, :, None] * np.eye(D)
    cov = factor @ factor.transpose(0, 2, 1)
    variances = np.diagonal(cov, axis1=1, axis2=2)
    correlation = 0.5 * (np.log(variances).sum(1) - np.linalg.slogdet(cov)[1])
    rate = 0.5 * (variances.sum(1) + (mean**2).sum(1) - D - np.linalg.slogdet(cov)[1])
    q = FullNormalRecord(torch.tensor(mean), torch.tensor(diag), torch.tensor(lower))
    found = measure_spectrum(q, prior())
    np.testing.assert_allclose(found.kl, marginal_kl(mean, variances).mean(0))
    assert found.remainder == pytest.approx(correlation.mean(), rel=1e-10)
    assert sum(found.kl) + found.remainder == pytest.approx(rate.mean(), rel=1e-10)


def test_active_is_what_varies_over_the_data_and_not_what_is_far_from_the_prior():
    mean = torch.zeros(4, D).double()
    mean[:, 0] = torch.tensor([1.0, -1, 1, -1]) * 0.11  # variance 0.0121
    mean[:, 1] = torch.tensor([1.0, -1, 1, -1]) * 0.09  # variance 0.0081
    mean[:, 2] = 5.0
    found = measure_spectrum(NormalRecord(mean, torch.zeros(4, D).double()), prior())
    np.testing.assert_allclose(found.variance, [0.0121, 0.0081, 0], atol=1e-15)
    assert found.active_units == 1
    assert found.threshold == 0.01
    np.testing.assert_allclose(found.kl, [0.0121 / 2, 0.0081 / 2, 12.5])


def test_a_latent_that_is_an_image_is_flattened():
    mean = torch.from_numpy(RNG.normal(size=(N, 2, 3, 3)))
    p = NormalRecord(torch.zeros(2, 3, 3).double(), torch.zeros(2, 3, 3).double(), 3)
    found = measure_spectrum(NormalRecord(mean, torch.zeros_like(mean), 3), p)
    np.testing.assert_allclose(found.kl, (mean**2 / 2).mean(0).flatten())
    by_name = dict(zip(found.names, found.kl, strict=True))  # channel, row, column
    assert by_name["z1[2,0]"] == pytest.approx(float((mean[:, 1, 2, 0] ** 2 / 2).mean()))
    assert len(found.variance) == 18
