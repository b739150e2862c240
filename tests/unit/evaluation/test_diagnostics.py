import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vael.data.source import Arrays
from vael.errors import ConfigError
from vael.evaluation import diagnostics as module
from vael.evaluation.diagnostic_inputs import DiagnosticInputs
from vael.evaluation.diagnostics import DIAGNOSTICS, diagnose, require_factors
from vael.models.posteriors.base import PosteriorRecord
from vael.models.posteriors.normal import NormalRecord
from vael.pretrained.scoring import Part
from vael.types import DataSpec

N, D = 240, 3


def noise(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def inputs(**changes):
    """Three classes whose means are apart in a latent of which one dimension is not used."""
    labels = torch.arange(N) % 3
    means = noise(0, N, D) * torch.tensor([0.8, 0.8, 0.0])
    means[:, 0] += 10 * (labels - 1)
    x = torch.rand(N, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    spec = DataSpec((1, 8, 8), 17, "unit", N, N, N, 3)
    whole = DiagnosticInputs(
        spec=spec,
        split="test",
        q=NormalRecord(means, torch.full((N, D), math.log(0.6))),
        p=NormalRecord(torch.zeros(D), torch.zeros(D)),
        z=means,
        labels=labels,
        factors=labels[:, None],
        train_means=means + 0.1,
        train_labels=labels,
        originals=x,
        reconstructions=(x + 0.1).clamp(0, 1),
        samples=x.roll(1, 0),
        sample_means=1 - x,
        seed=0,
    )
    return dataclasses.replace(whole, **changes)


def test_every_section_is_filled_and_is_json():
    found = diagnose(inputs())
    json.dumps(found, allow_nan=False)
    assert found.sections["latents"]["spectrum"]["active_units"] == 2
    assert len(found.sections["latents"]["spectrum"]["kl"]) == D
    parts = found.sections["latents"]["aggregate"]
    assert parts["mutual_information"] + parts["marginal_kl"] == pytest.approx(parts["rate"])
    split = parts["total_correlation"] + parts["dimension_wise_kl"]
    assert split == pytest.approx(parts["marginal_kl"])
    assert parts["examples"] == N
    assert found.sections["quality"]["reconstruction"]["ssim_window"] == "7x7, uniform"
    assert found.sections["quality"]["reconstruction"]["psnr"] > 20
    for part in ("frechet", "kid", "prdc"):
        assert found.sections["quality"][part]["components"] == 12
        assert found.sections["quality"][part]["examples"] == N // 2
        assert found.sections["quality"][part]["features"].startswith("12 principal components")
    assert found.sections["quality"]["inception"].startswith("not available: ")
    assert found.sections["probe"]["knn"] == 1
    assert found.sections["probe"]["linear"] == 1
    assert found.sections["probe"]["majority"] == pytest.approx(1 / 3)
    assert found.warnings == []


def test_the_same_inputs_give_the_same_numbers_and_another_seed_others():
    assert diagnose(inputs()) == diagnose(inputs())
    assert diagnose(inputs()).sections["latents"] != diagnose(inputs(seed=1)).sections["latents"]


def test_saturation_collapse_and_scoring_on_train_are_said():
    far = torch.arange(N).float()[:, None].expand(N, D) * 10
    found = diagnose(inputs(q=NormalRecord(far, torch.zeros(N, D))))
    assert found.sections["latents"]["aggregate"]["saturated"]
    (warning,) = found.warnings
    assert "saturated: 240 examples can show at most log N = 5.48 nats" in warning

    q = NormalRecord(torch.zeros(N, D), torch.zeros(N, D))
    assert "collapse" in diagnose(inputs(q=q)).warnings[0]
    assert (
        "fitted to examples that they are scored on" in diagnose(inputs(split="train")).warnings[0]
    )


def test_each_diagnostic_stands_where_the_list_says():
    found = diagnose(inputs()).sections
    assert list(found) == ["latents", "quality", "probe", "factors"]
    assert list(DIAGNOSTICS)[-2:] == ["probe", "factors"]
    assert [f"latents.{part}" for part in found["latents"]] == list(DIAGNOSTICS)[:2]
    assert [*found["quality"]] == ["reconstruction", "frechet", "kid", "prdc", "inception"]


def test_layers_are_counted_from_the_data_and_a_top_that_is_no_q_of_x_has_no_aggregate():
    still = torch.zeros(N, 4)
    found = diagnose(inputs(layers=((1.5, inputs().z), (2.5, still)), top_is_exact=False))
    assert found.sections["latents"]["layers"] == {
        "rate_z2": 1.5,
        "active_units_z2": 2,
        "rate_z1": 2.5,
        "active_units_z1": 0,
    }
    assert "aggregate" not in found.sections["latents"]
    assert any("no mutual information: with latents=chain" in said for said in found.warnings)


def test_without_labels_there_is_no_probe():
    assert diagnose(inputs(labels=None)).sections["probe"] == {}
    assert diagnose(inputs(train_labels=None)).sections["probe"] == {}


def test_known_factors_are_scored_and_unknown_ones_are_not():
    """The classes are the one factor: the first dimension alone tells it, without a mistake."""
    found = diagnose(inputs()).sections["factors"]
    assert found["mig"]["score"] == pytest.approx(1, abs=0.25)  # the bias of 20 x 3 counts of 240
    assert found["dci"]["completeness_fair"] == pytest.approx(1, abs=0.01)
    assert found["explicitness"]["score"] == 1
    assert "score" not in found["factor_vae"]  # with one factor there is nothing to guess
    assert diagnose(inputs(factors=None)).sections["factors"] == {}


def test_factors_of_enough_examples_are_what_can_be_wanted():
    def want(factors, count):
        chunks = SimpleNamespace(index=range(count))
        data = SimpleNamespace(select=lambda split: (Arrays(None, None, factors), chunks.index))
        scorer = SimpleNamespace(trained=SimpleNamespace(data=data), examples=lambda part: chunks)
        require_factors(scorer, Part("test"))

    factors = np.zeros((100, 2), np.uint8)
    want(factors, 100)
    with pytest.raises(ConfigError, match=r"at least 100 examples, but test has 99"):
        want(factors, 99)
    with pytest.raises(ConfigError, match=r"no known factors"):
        want(None, 100)


def test_a_table_has_no_measures_of_images():
    x = noise(0, N, 5)
    spec = DataSpec((5,), None, "real", N, N, N)
    found = diagnose(
        inputs(spec=spec, originals=x, reconstructions=x + 1, samples=x.roll(1, 0), sample_means=x)
    ).sections["quality"]
    assert found["reconstruction"]["mse"] == pytest.approx(1)
    assert found["reconstruction"]["ssim"] is None
    assert found["frechet"]["components"] == 5
    assert "inception" not in found


def test_inception_is_used_where_it_is(monkeypatch):
    quality = module.compare_components(*[torch.rand(40, 1, 4, 4)] * 3)
    monkeypatch.setattr(module, "explain_no_inception", lambda channels: None)
    monkeypatch.setattr(module, "compare_inception", lambda *given: quality)
    assert diagnose(inputs()).sections["quality"]["inception"] == quality.sections()


def test_a_diverged_model_gets_no_probe_and_no_distance():
    broken = torch.full((N, 1, 8, 8), math.nan)
    q = NormalRecord(torch.full((N, D), math.nan), torch.zeros(N, D))
    found = diagnose(inputs(q=q, samples=broken))
    assert found.sections["probe"] == found.sections["factors"] == {}
    assert "frechet" not in found.sections["quality"]
    assert any("not finite" in warning for warning in found.warnings)


def test_another_family_of_posteriors_has_a_spectrum_only():
    class Flow(PosteriorRecord):
        mean = inputs().q.mean

        def log_prob(self, z):
            return z.sum(-1)

        def rsample(self, eps):
            return eps

        def kl(self, p):
            return None

        def factors(self, p):
            return None

    found = diagnose(inputs(q=Flow()))
    assert found.sections["latents"]["spectrum"]["kl"] is None
    assert found.sections["latents"]["spectrum"]["active_units"] == 2
    assert "aggregate" not in found.sections["latents"]
    assert "closed form, which this posterior does not" in found.warnings[0]


def test_very_few_examples_leave_out_what_needs_more():
    small = inputs()
    cut = {
        name: getattr(small, name)[:1]
        for name in ("z", "labels", "originals", "reconstructions", "samples", "sample_means")
    }
    q = NormalRecord(small.q.mean[:1], torch.zeros(1, D))
    found = diagnose(inputs(q=q, **cut))
    json.dumps(found, allow_nan=False)
    assert "aggregate" not in found.sections["latents"]
    assert "frechet" not in found.sections["quality"]
