"""Discrete latents: where codes lie, and that distortion and code length bound log P(x)."""

import itertools
import math
from functools import partial

import pytest
import torch
from helpers.parts import GivenParts
from torch import nn

from vael.errors import ConfigError
from vael.metrics.evidence import score_chunk
from vael.models import VAE, Conditional
from vael.models.codes import AutoregressiveCodes, CodePosterior, UniformCodes, UnigramCodes
from vael.models.latents import FSQ, VQ
from vael.models.likelihoods import Categorical
from vael.randomness import Noise

LEVELS, D, M, K = 3, 4, 2, 3
PRIORS = [UniformCodes, UnigramCodes, AutoregressiveCodes]


class Pieces(GivenParts):
    """An encoder to a vector of 2 numbers a code."""

    def __init__(self, shape=(2 * M,), encoder=None):
        self.event_shape, self.latent_shape = (D,), shape
        self._encoder = encoder or nn.Linear(D, math.prod(shape))


KIND = partial(VQ, codebook_size=K, codes=M)


def tiny(prior, kind=KIND):
    """A model of 4 dimensions of 3 levels with 2 codes of 3 values, of random weights."""
    torch.manual_seed(0)
    latents = kind(Pieces(), partial(prior))
    family = Categorical((D,), LEVELS)
    decoder = nn.Sequential(nn.Linear(2 * M, D * LEVELS), nn.Unflatten(1, family.theta_shape))
    nn.init.normal_(decoder[0].weight)
    vae = VAE(latents, Conditional(decoder, family, (2 * M,)))
    x = torch.tensor(list(itertools.product(range(LEVELS), repeat=D))) / (LEVELS - 1)
    vae.train()(x[:40], (torch.zeros(1, 40, 2 * M),))  # so that the unigram has seen something
    if prior is AutoregressiveCodes:
        nn.init.normal_(latents.prior.out.weight)
    return vae.eval().requires_grad_(False), x


def enumerate_codes(vae):
    """Return all codes, log P(c), and p(x|c)."""
    codes = torch.tensor(list(itertools.product(range(vae.latents.num_codes), repeat=M)))
    law = vae.decode(vae.latents.family.look_up(codes)[None])
    return codes, vae.latents.prior.log_mass(codes).double(), law


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("kind", [KIND, partial(FSQ, levels=[3, 2])], ids=["vq", "fsq"])
def test_bits_bound_the_true_ones_by_enumeration(prior, kind):
    """Of all 81 x and all codes: sum P(x) = 1, the bound is its one term, and lies below."""
    vae, x = tiny(prior, kind)
    _, log_p, law = enumerate_codes(vae)
    joint = torch.stack([law.log_mass(each[None].expand(len(log_p), -1))[0] for each in x])
    joint = joint.double() + log_p  # (81, K^M)
    truth = torch.logsumexp(joint, 1)
    assert float(truth.exp().sum()) == pytest.approx(1, abs=1e-5)
    for samples in (1, 7):
        found = score_chunk(vae, x, Noise(0, "latent"), "test", 0, samples, LEVELS)
        bound = -found.evidence.bits * D * math.log(2)
        assert (bound <= truth + 1e-6).all()
        own = vae.latents.encode(x).codes @ vae.latents.num_codes ** torch.arange(M - 1, -1, -1)
        torch.testing.assert_close(bound, joint.gather(1, own[:, None])[:, 0], atol=1e-5, rtol=0)
        torch.testing.assert_close(found.evidence.elbo, bound, atol=1e-5, rtol=0)
        torch.testing.assert_close(found.mass.effective_samples(), torch.full_like(bound, samples))


def test_the_rate_of_uniform_codes_is_their_number_times_log_k():
    vae, x = tiny(UniformCodes)
    trace = vae(x, (torch.zeros(1, len(x), 2 * M),))
    torch.testing.assert_close(trace.rate, torch.full((1, len(x)), M * math.log(K)))
    torch.testing.assert_close(trace.log_w(), trace.log_px - trace.rate)


def test_the_length_of_codes_is_computed_once_for_all_scores(monkeypatch):
    vae, x = tiny(AutoregressiveCodes)
    asked, own = [], vae.latents.prior.log_mass
    monkeypatch.setattr(vae.latents.prior, "log_mass", lambda c: asked.append(c) or own(c))
    found = score_chunk(vae, x, Noise(0, "latent"), "test", 0, 7, LEVELS).evidence
    assert len(asked) == 1
    torch.testing.assert_close(found.rate.float(), -own(found.codes))
    trace = vae(x, (torch.zeros(1, len(x), 2 * M),))
    assert len(asked) == 2
    torch.testing.assert_close(trace.rate[0], -own(found.codes))


def test_p_of_z_is_p_of_its_codes():
    vae, x = tiny(UnigramCodes)
    _, (layer,) = vae.latents.infer(x, (torch.zeros(1, len(x), 2 * M),))
    torch.testing.assert_close(layer.p.log_prob(layer.z), layer.log_p)
    z = vae.latents.sample((torch.randn(1, 5, M, 2),))
    assert torch.equal(vae.latents.family.look_up(vae.latents.family.find(z)), z)
    assert layer.p.mean.shape == (2 * M,)


def test_an_identity_for_an_encoder_makes_a_step_of_k_means():
    """x is cut in pieces of 2 numbers, and each centre becomes the mean of its pieces."""
    latents = VQ(
        Pieces(encoder=nn.Identity()),
        UniformCodes,
        codebook_size=K,
        codes=M,
        decay=0.0,
        restart=0.0,
    )
    x = torch.randn(30, D, generator=torch.Generator().manual_seed(0))
    pieces, start = x.reshape(-1, 2), latents.family.quantizer.codebook.clone()
    latents.infer(x, (torch.zeros(1, 30, D),))
    codes = torch.cdist(pieces, start).argmin(1)
    means = torch.stack([pieces[codes == k].mean(0) for k in range(K)])
    torch.testing.assert_close(latents.family.quantizer.codebook, means)


def test_codes_of_a_map_lie_row_by_row():
    """The vector at (i, j) is that of the channels there; two pieces are two codes."""
    quantizer = FSQ(Pieces((6, 2, 4), nn.Identity()), UniformCodes, [3, 3, 3]).family.quantizer
    family = CodePosterior((6, 2, 4), 2, quantizer)
    theta = torch.randn(5, 6, 2, 4)
    vectors = family.split(theta)
    assert family.grid == (2, 4, 2)
    assert torch.equal(vectors[:, (1 * 4 + 3) * 2], theta[:, :3, 1, 3])
    assert torch.equal(vectors[:, (1 * 4 + 3) * 2 + 1], theta[:, 3:, 1, 3])
    assert torch.equal(family.join(vectors), theta)
    assert family(theta).codes.shape == (5, 16)


@pytest.mark.parametrize(
    ("shape", "grid", "size"),
    [((16,), (4,), 4), ((6,), (3,), 2), ((5,), (5,), 1), ((4,), (1,), 4), ((6, 2, 3), (2, 3), 6)],
)
def test_a_place_of_a_map_is_a_code_and_a_vector_has_pieces_of_four(shape, grid, size):
    family = VQ(Pieces(shape), UniformCodes, codebook_size=2).family
    assert (family.grid, family.quantizer.size) == (grid, size)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (partial(VQ, codes=3), r"model\.latent_dim must be a multiple of latents\.codes=3, .* 4"),
        (partial(VQ, codes=0), r"latents\.codes must be null or at least 1, but got 0"),
        (partial(FSQ, levels=[3, 3, 3]), r"a multiple of the 3 of latents\.levels, but got 4"),
    ],
)
def test_a_latent_that_cannot_be_cut_so_is_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make(Pieces(), UniformCodes)
