"""A learned codebook: against k-means, the moving averages of the paper, and another package."""

import os
import subprocess
import sys

import pytest
import torch
from sklearn.cluster import KMeans

from vael.errors import ConfigError
from vael.models.codes import VectorQuantizer
from vael.models.codes.quantizer import pass_rotated, pass_straight


def vectors(count=60, size=3, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def made(num_codes=5, size=3, seed=1, **options):
    torch.manual_seed(seed)
    return VectorQuantizer(size, num_codes, **{"restart": 0.0, **options})


def test_a_step_without_memory_is_a_step_of_k_means():
    quantizer, z = made(decay=0.0), vectors()
    start = quantizer.codebook.clone()
    quantizer(z)
    wanted = KMeans(5, init=start.numpy(), n_init=1, max_iter=1).fit(z.numpy())
    torch.testing.assert_close(quantizer.codebook, torch.tensor(wanted.cluster_centers_))


def test_the_codebook_is_the_moving_average_of_the_paper():
    """Counts and sums averaged apart, as in Appendix A.1 of van den Oord et al. 2017."""
    quantizer = made(decay=0.9)
    count, total = torch.ones(5), quantizer.codebook.clone()
    for seed in range(4):
        z = vectors(seed=seed)
        codes = torch.cdist(z, quantizer.codebook).argmin(1)
        hits = torch.nn.functional.one_hot(codes, 5).float()
        share = 5 / len(z)
        count = 0.9 * count + 0.1 * share * hits.sum(0)
        total = 0.9 * total + 0.1 * share * hits.mT @ z
        assert torch.equal(quantizer(z).codes, codes)
        torch.testing.assert_close(quantizer.codebook, total / count[:, None])
        torch.testing.assert_close(quantizer.usage, count)


def test_the_nearest_codes_of_many_vectors_are_found_a_part_at_a_time(monkeypatch):
    quantizer, z = made(), vectors()
    whole = quantizer.find(z)
    monkeypatch.setattr("vael.models.codes.quantizer.FLOATS_AT_ONCE", 35)  # 7 of the 60 vectors
    assert torch.equal(quantizer.find(z), whole)
    assert torch.equal(whole, torch.cdist(z, quantizer.codebook).argmin(1))


def test_it_learns_in_a_step_with_gradients_alone():
    quantizer, z = made(), vectors()
    before = quantizer.codebook.clone()
    with torch.no_grad():
        quantizer(z)
    quantizer.eval()(z)
    assert torch.equal(quantizer.codebook, before)
    quantizer.train()(z)
    assert not torch.equal(quantizer.codebook, before)


def test_a_code_that_nobody_chooses_becomes_a_vector_of_the_batch():
    quantizer, z = made(decay=0.5, restart=0.4), vectors()
    quantizer.codebook[3:] = 1e3  # two that nothing is near to
    quantizer(z)
    assert (quantizer.codebook < 1e3 / 2).logical_not().any(1).tolist() == [False] * 3 + [True] * 2
    quantizer(z)  # 0.5, then 0.25: below 0.4
    found = (quantizer.codebook[3:, None] == z).all(-1)
    assert found.sum(1).tolist() == [1, 1]
    assert not (found[0] & found[1]).any()
    assert quantizer.usage[3:].tolist() == [1, 1]


def test_vectors_that_are_not_finite_leave_the_codebook_alone():
    quantizer, z = made(), vectors()
    before = quantizer.codebook.clone()
    z[7, 1] = torch.nan
    quantizer(z)
    assert torch.equal(quantizer.codebook, before)
    assert torch.equal(quantizer.usage, torch.ones(5))


def test_k_means_finds_clusters_that_are_apart():
    centres = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    noise = 0.1 * vectors(400, 2)
    z = (centres.repeat(100, 1) + noise)[torch.randperm(400)]
    quantizer = made(4, 2, restart=0.05)
    quantizer.initialise(z)
    distance = torch.cdist(centres, quantizer.codebook)
    assert distance.amin(1).max() < 0.1
    assert quantizer.usage.tolist() == [1] * 4


def test_more_codes_than_vectors_are_refused():
    with pytest.raises(ConfigError, match=r"codebook_size=5 must not be larger .*, 4, at which"):
        made(5).initialise(vectors(4))


@pytest.mark.parametrize("pass_", [pass_rotated, pass_straight])
def test_the_value_is_the_code_to_the_bit(pass_):
    z, chosen = vectors(), vectors(seed=1)
    assert torch.equal(pass_(z, chosen), chosen)


def test_a_rotated_gradient_keeps_its_angle_to_the_vector():
    """<g, q> / (|g| |q|) = <dz, z> / (|dz| |z|), and |dz| = |g| |q| / |z|."""
    z, chosen, g = (vectors(seed=s).double() for s in range(3))
    z.requires_grad_()
    (pass_rotated(z, chosen) * g).sum().backward()
    cosine = torch.nn.functional.cosine_similarity
    torch.testing.assert_close(cosine(g, chosen), cosine(z.grad, z.detach()))
    ratio = chosen.norm(dim=1) / z.detach().norm(dim=1)
    torch.testing.assert_close(z.grad.norm(dim=1), ratio * g.norm(dim=1))


def test_the_gradients_of_the_penalty_are_those_of_the_paper():
    """With beta = 1/4: 2 beta (z - e) in z; learned by gradient also 2 (e - z) in e."""
    quantizer, z = made(decay=None, commitment=0.25), vectors().requires_grad_()
    found = quantizer(z)
    found.penalty.sum().backward()
    gap = (z - quantizer.codebook[found.codes]).detach()
    torch.testing.assert_close(z.grad, 0.5 * gap)
    wanted = torch.zeros(5, 3).index_add_(0, found.codes, -2 * gap)
    torch.testing.assert_close(quantizer.codebook.grad, wanted)


def test_another_package_agrees():
    """vector-quantize-pytorch 1.32: codes, values, loss and codebook after a step."""
    other = pytest.importorskip("vector_quantize_pytorch")
    quantizer, z = made(decay=0.8, commitment=0.25, gradient="straight_through"), vectors()
    theirs = other.VectorQuantize(3, codebook_size=5, decay=0.8, commitment_weight=0.25, eps=0.0)
    theirs._codebook.embed.data.copy_(quantizer.codebook)
    theirs._codebook.embed_avg.data.copy_(quantizer.codebook * 12)  # an equal share of the 60
    theirs._codebook.cluster_size.data.fill_(12)
    q, codes, loss = theirs(z[None])
    found = quantizer(z)
    assert torch.equal(found.codes, codes[0])
    torch.testing.assert_close(found.vectors, q[0])
    torch.testing.assert_close(found.penalty.mean() / 3, loss.squeeze())  # theirs: mean over v
    torch.testing.assert_close(quantizer.codebook, theirs._codebook.embed[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_codes": 1}, "codebook_size must be at least 2, but got 1"),
        ({"decay": 1.0}, r"decay must be in \[0, 1\), but got 1.0"),
        ({"restart": -0.1}, r"restart must be in \[0, 1\), but got -0.1"),
        ({"commitment": -1.0}, "commitment must be a finite number >= 0, but got -1.0"),
        ({"gradient": "none"}, "gradient must be one of rotation, straight_through"),
    ],
)
def test_options_out_of_range_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        made(**options)


CODE = """
import sys, torch
from torch import distributed
from vael.models.codes import UnigramCodes, VectorQuantizer
rank, world, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank,
                               world_size=world)
torch.manual_seed(0)
quantizer, prior = VectorQuantizer(3, 5, decay=0.5, restart=0.6), UnigramCodes((6,), (2,), 5)
for _ in range(3):
    z = torch.randn(24, 3)
    codes = quantizer(z.chunk(world)[rank]).codes
    prior.learn(codes.reshape(-1, 2))
torch.save([quantizer.codebook, quantizer.usage, prior.counts], f"{folder}/{rank}.pt")
distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_one_two_and_three_processes_learn_the_same(tmp_path):
    """Restarts included: they take vectors by their place in the batch of all."""
    running = []
    for world in (1, 2, 3):
        folder = tmp_path / str(world)
        folder.mkdir()
        for rank in range(world):
            words = ["-W", "ignore", "-c", CODE, str(rank), str(world), str(folder)]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            running.append(subprocess.Popen([sys.executable, *words], env=environment))
    assert [process.wait() for process in running] == [0] * 6
    alone = torch.load(tmp_path / "1" / "0.pt")
    for world in (2, 3):
        for rank in range(world):
            found = torch.load(tmp_path / str(world) / f"{rank}.pt")
            assert all(map(torch.equal, found, alone))
