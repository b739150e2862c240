"""vael.load as its user meets it: raw data in, no data set needed, the run's numbers again."""

import inspect
import math
import re
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.runs import ROOT, trained_run
from sklearn.datasets import load_breast_cancer, load_digits

import vael
from vael.api.run import RunResult
from vael.errors import CheckpointError, ConfigError, DataError
from vael.files import write_bytes
from vael.metrics.chunk_noise import ChunkNoise
from vael.models.posteriors.full_normal import FullNormalRecord
from vael.pretrained.model import Model
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import load_trained
from vael.randomness import Noise
from vael.runs.checkpoint import load_checkpoint

DIGITS = load_digits().images.astype(np.uint8)[:, None]
TABLE = load_breast_cancer().data


@pytest.fixture
def model(run):
    return vael.load(run)


def test_importing_vael_does_not_import_torch():
    code = (
        "import sys, vael; assert 'torch' not in sys.modules; vael.load; "
        "assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def bind(signature, answer, *given, **named):
    signature.bind(*given, **named)
    return answer


def test_the_example_of_the_readme_runs(run, monkeypatch):
    """What trains is checked by its signature and answered by a run that is there."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    answers = {
        "train": RunResult(run),
        "fit": RunResult(run),
        "search": SimpleNamespace(trials=None, best=RunResult(run)),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(
            vael, name, partial(bind, inspect.signature(getattr(vael, name)), answer)
        )
    left = {"array": DIGITS[:50]}
    exec(code, left)
    assert left["images"].shape == (16, 1, 8, 8)
    assert left["z"].shape == left["sigma"].shape == (16, *left["model"].latent_shape)


def test_no_other_name_is_found_in_vael():
    with pytest.raises(AttributeError, match="no attribute 'loud'"):
        vael.loud  # noqa: B018


def test_raw_images_are_encoded_as_the_run_did_it(run, model):
    trained = load_trained(run)
    batch = trained.data.head("test", 150)
    q = trained.vae.encode(trained.preprocess(batch.x))
    mu, sigma = model.encode(batch.x)
    assert torch.equal(mu, q.mean)
    assert torch.equal(sigma, q.log_sigma.exp())
    assert torch.equal(model.reconstruct(batch.x), trained.vae.reconstruct(batch.x / 16))


def test_integers_floats_and_images_without_channel_mean_the_same(model):
    x = DIGITS[:20]
    mu = model.encode(x).mu
    for same in (
        x.astype(np.int64),
        x.astype(np.uint16),
        x / 16,
        (x / 16).astype(np.float32),
        x[:, 0],
        torch.from_numpy(x),
        x.tolist(),
    ):
        assert torch.equal(model.encode(same).mu, mu)


def test_the_data_is_not_needed(run, tmp_path, monkeypatch):
    copy = tmp_path / "moved.ckpt"
    copy.write_bytes((run / "checkpoints" / "best.ckpt").read_bytes())
    expected = vael.load(run).sample(3)

    def gone(self):
        raise AssertionError("the data was asked for")

    monkeypatch.setattr("vael.data.module.VaelData.prepare", gone)
    assert torch.equal(vael.load(str(copy)).sample(3), expected)


def test_a_checkpoint_that_does_not_say_what_its_data_was_is_refused(run, tmp_path):
    loaded = load_checkpoint(run / "checkpoints" / "best.ckpt")
    del loaded["data"]
    old = tmp_path / "old.ckpt"
    write_bytes(old, lambda file: torch.save(loaded, file))
    with pytest.raises(CheckpointError, match=r"old.ckpt must describe its data as vael does"):
        vael.load(old)


def test_log_prob_is_the_bound_of_the_runs_evaluation(run, model):
    # The same examples with the same number of samples, but with other noise.
    trained = load_trained(run)
    scorer, part = Scorer(trained, torch.device("cpu"), 50), Part("test")
    bits = scorer.score(part, 0, lambda n: None)["bpd_50"]
    x = scorer.examples(part).at(0).x
    found = -model.log_prob(x, samples=50).numpy() / (64 * math.log(2))
    assert found.shape == bits.shape
    spread = np.std(found - bits) / math.sqrt(len(bits))
    assert abs(np.mean(found - bits)) < 5 * spread
    assert np.corrcoef(found, bits)[0, 1] > 0.95


def test_log_prob_weighs_as_the_equation_says(model):
    x, samples = torch.from_numpy(DIGITS[:7]), 6
    eps = ChunkNoise(Noise(3, "latent"), x, "log_prob", 0, drawn=100)
    noise = torch.stack([eps(s, model.latent_shape) for s in range(samples)]).double()
    vae = model.vae.double()
    q, z01 = vae.encode(x.double() / 16), torch.distributions.Normal(0.0, 1.0)
    z = q.mean + q.sigma * noise
    log_w = (
        vae.decode(z).log_mass(x.double() / 16)
        + z01.log_prob(z).sum(-1)
        - torch.distributions.Normal(q.mean, q.sigma).log_prob(z).sum(-1)
    )
    expected = torch.logsumexp(log_w, 0) - math.log(samples)
    vae.float()
    torch.testing.assert_close(model.log_prob(x, samples, seed=3), expected, rtol=1e-5, atol=1e-3)


def test_samples_are_reproducible_and_the_first_do_not_depend_on_their_number(model):
    many = model.sample(300, seed=1)
    assert many.shape == (300, 1, 8, 8)
    torch.testing.assert_close(model.sample(4, seed=1), many[:4])
    assert torch.equal(model.sample(300, seed=1), many)
    assert not torch.allclose(model.sample(300, seed=2), many)
    drawn = model.sample(200, mean=False)
    assert torch.equal(drawn * 16, (drawn * 16).round())
    assert drawn.std() > model.sample(200).std()


def test_temperature_scales_the_distance_from_the_middle_of_the_prior(model):
    still = model.decode(torch.zeros(4))
    cold, warm = (model.sample(100, temperature=t) for t in (1e-4, 1.0))
    torch.testing.assert_close(cold, still.expand_as(cold), atol=1e-3, rtol=0)
    assert (warm - still).abs().mean() > 10 * (cold - still).abs().mean()


def test_activity_is_the_mean_kl_of_each_dimension(model):
    mu, sigma = model.encode(DIGITS[:300])
    found = model.activity(DIGITS[:300])
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(normal(mu, sigma), normal(0.0, 1.0)).mean(0)
    assert found.in_nats
    torch.testing.assert_close(found.values, kl, rtol=1e-5, atol=1e-6)
    assert found.order(4) == kl.argsort(descending=True).tolist()


def test_a_table_goes_in_and_comes_out_in_its_own_units(table):
    model = vael.load(table)
    assert model.spec.columns[:2] == ("mean radius", "mean texture")
    trained = load_trained(table)
    train = trained.data.head("train", 10_000).x
    mean, std = train.mean(0), train.std(0, correction=0)
    own = trained.vae.reconstruct((torch.from_numpy(TABLE).float() - mean) / std)
    torch.testing.assert_close(model.reconstruct(TABLE), own * std + mean, rtol=1e-3, atol=1e-4)
    scorer = Scorer(trained, torch.device("cpu"), 20)
    raw = scorer.examples(Part("test")).at(0).x
    nll = scorer.score(Part("test"), 0, lambda n: None)["nll_20"]
    found = model.log_prob(raw, samples=20).numpy()
    assert np.corrcoef(-found, nll)[0, 1] > 0.95


def test_binarised_data_is_binarised_again(tmp_path):
    model = vael.load(trained_run(tmp_path, "data.binarize=threshold"))
    x = DIGITS[:10]
    assert torch.equal(model.encode(x).mu, model.encode((x >= 8) * 16).mu)
    assert torch.equal(model.encode(x).mu, model.encode(x >= 8).mu)


def test_marginal_standard_deviations_of_a_full_covariance():
    lower = torch.tensor([[0.0, 0.0], [0.7, 0.0]])
    q = FullNormalRecord(torch.zeros(2), torch.tensor([0.1, -0.2]), lower)
    covariance = q.tril @ q.tril.T
    torch.testing.assert_close(q.sigma, covariance.diagonal().sqrt())


def test_nothing_has_a_gradient_and_nothing_changes_the_weights(model):
    before = {name: value.clone() for name, value in model.vae.state_dict().items()}
    for value in (*model.encode(DIGITS[:3]), model.sample(2), model.log_prob(DIGITS[:3], 2)):
        assert not value.requires_grad
    after = model.vae.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not model.vae.training


def test_the_last_checkpoint_is_loaded_on_request(run, tmp_path):
    unfinished = tmp_path / "run"
    (unfinished / "checkpoints").mkdir(parents=True)
    last = (run / "checkpoints" / "last.ckpt").read_bytes()
    (unfinished / "checkpoints" / "last.ckpt").write_bytes(last)
    with pytest.raises(CheckpointError, match=r"no checkpoints/best\.ckpt; there is last: ask"):
        vael.load(unfinished)
    assert isinstance(vael.load(unfinished, checkpoint="last"), Model)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (DIGITS[:2].repeat(2, axis=3), r"\(N, 1, 8, 8\), got \(2, 1, 8, 16\)"),
        (DIGITS[0, 0], r"got \(8, 8\)"),
        (DIGITS[:0], r"got \(0, 1, 8, 8\)"),
        (DIGITS[:4] * 15, r"integers 0 \.\. 16, or floats in .* from 0 to 240"),
        (DIGITS[:4] / 8, "floats in .* from 0 to 2"),
        (-(DIGITS[:4].astype(int)), "from -16 to 0"),
        (np.full((2, 1, 8, 8), np.nan), "128 of 128 values are NaN"),
        (["a", "b"], "arrays? or|numbers, got list"),
        (None, "numbers, got NoneType"),
        (np.zeros((2, 1, 8, 8), complex), "numbers"),
    ],
)
def test_bad_examples_are_refused_in_one_line(model, x, message):
    with pytest.raises(DataError, match=message) as caught:
        model.encode(x)
    assert "\n" not in str(caught.value)


def test_channels_last_is_recognised():
    from vael.pretrained.inputs import convert_examples
    from vael.types import DataSpec

    spec = DataSpec((3, 8, 8), 256, "unit", 9, 9, 9, raw_levels=256)
    with pytest.raises(DataError, match=r"x.transpose\(0, 3, 1, 2\)"):
        convert_examples(np.zeros((2, 8, 8, 3), np.uint8), spec)
    with pytest.raises(DataError, match=r"x\[None\]"):
        convert_examples(np.zeros((3, 8, 8), np.uint8), spec)
    with pytest.raises(DataError, match="integers 0 and 1 only"):
        convert_examples(np.eye(8, dtype=np.uint8).repeat(24).reshape(-1, 3, 8, 8), spec)


def test_bad_arguments_are_refused(model):
    for wrong in (torch.zeros(3), torch.zeros(2, 5), torch.zeros(1, 1, 4), float("nan")):
        with pytest.raises(DataError, match="z must be"):
            model.decode(wrong if isinstance(wrong, torch.Tensor) else torch.full((4,), wrong))
    for n in (0, -1, 1.5):
        with pytest.raises(ConfigError, match="n must be"):
            model.sample(n)
    for temperature in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match="temperature must be"):
            model.sample(1, temperature=temperature)
    with pytest.raises(ConfigError, match="samples must be"):
        model.log_prob(DIGITS[:1], samples=0)
