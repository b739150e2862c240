"""Everything meets everything: a whole life of each two choices, and what is refused, refused.

The choices are the files of conf/: a new one joins by itself. In the normal suite every two of
them meet in some row, but for objectives and likelihoods, which do among the slow tests. The
whole product is that of `test_product`.
"""

import json
import math
import re

import numpy as np
import pytest
import torch
from helpers.pairwise import cover_pairs, pairs_of
from helpers.runs import ROOT, make_run
from integration.combinations.choices import (
    COUNTS,
    FACTORS,
    FORBIDDEN,
    REFUSED,
    TOLD,
    USUAL,
    label,
    settings,
    write_data,
)
from matplotlib.figure import Figure

import vael
from vael.errors import ConfigError
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.pretrained.explore.session import open_session
from vael.pretrained.export.export import export_model
from vael.pretrained.generate.kinds import generate_file
from vael.pretrained.generate.request import GenerateRequest
from vael.runs.extension import extend_run
from vael.sweep.plan import define_sweep
from vael.sweep.spec.grammar import parse_space
from vael.training.fit import train


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def live(row, files, tmp_path):
    """Train a step, go on, evaluate, generate, export and explore."""
    run = make_run(tmp_path, *settings(row, files))
    with pytest.MonkeyPatch.context() as patch:  # its pictures are drawn again below
        patch.setattr(Figure, "savefig", lambda figure, file, **options: file.write(b"-"))
        train(run)
    extend_run(run, ["trainer.max_epochs=2"])
    train(run)
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["status"], summary["steps"]) == ("finished", 2)
    bounded = row["posterior"] != "delta"
    assert ("test/bpd" in summary["metrics"]) == (row["data"] == "image" and bounded)
    assert all(map(math.isfinite, summary["metrics"].values()))
    evaluate(run, row["data"] == "image", bounded)

    model, count, told = vael.load(run), 5, TOLD.get(row["condition"], {})
    shape = (count, *model.spec.event_shape)
    given = tuple(f"{name}={number}" for name, number in told.get("given", {}).items())
    of_all = {"label": told.get("label"), "given": given}
    for kind, name, size, more in (
        ("samples", "x", shape, of_all),
        ("encodings", "mu", (2, 2), {}),
    ):
        request = GenerateRequest(run, kind, count, output=tmp_path / f"{kind}.npz", **more)
        made = np.load(generate_file(request))[name]
        assert made.shape == size
        assert np.isfinite(made).all()

    again = vael.load(export_model(run, output=tmp_path / "export"))
    x = np.random.default_rng(1).integers(0, 5, shape)
    if bounded:
        assert torch.equal(again.log_prob(x, 2, **told), model.log_prob(x, 2, **told))
    assert torch.equal(again.sample(count, **told), model.sample(count, **told))

    session = open_session(run)
    json.dumps(session.facts(), allow_nan=False)
    heat = 1.0 if model.vae.is_discrete else 0.7  # a prior of codes has no other
    z = session.sample(count, heat, seed=0, told=session.told)
    assert z.shape == (count, session.latent_dim)
    assert session.latent_dim == 2 or model.vae.is_discrete
    assert len(session.decode(z, session.told)) == count * 4 * math.prod(
        model.spec.event_shape[1:] if row["data"] == "image" else model.spec.event_shape
    )


def evaluate(run, has_levels, bounded):
    found = evaluate_run(EvaluationRequest(run, samples=2))
    assert all(map(math.isfinite, found["scores"].values()))
    if not bounded:
        assert "no bpd" in found["warnings"][0]
        return
    score = "bpd" if has_levels else "nll"
    assert math.isfinite(found["bounds"]["2"][score])
    assert found["scores"]["rate"] + found["scores"]["distortion"] == pytest.approx(
        -found["scores"]["elbo"], rel=1e-5
    )


APART = ("likelihood", "objective")


@pytest.mark.parametrize("row", cover_pairs(FACTORS, FORBIDDEN, APART), ids=label)
def test_every_two_choices_go_together(row, files, tmp_path):
    live(row, files, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", COUNTS)
def test_counts_with_holes_have_a_whole_life(likelihood, files, tmp_path):
    live({**USUAL, "data": "counts", "likelihood": likelihood}, files, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("objective", FACTORS["objective"])
def test_every_likelihood_goes_together_with(objective, files, tmp_path):
    for row in cover_pairs(FACTORS, FORBIDDEN):
        if row["objective"] == objective:
            (tmp_path / label(row)).mkdir()
            live(row, files, tmp_path / label(row))


@pytest.mark.slow
@pytest.mark.parametrize("posterior", FACTORS["posterior"])
def test_the_encoder_of_every_posterior_can_be_onnx(posterior, files, tmp_path):
    """Its decoder is that of a likelihood, which the tests of the export have."""
    objective = "wae" if posterior == "delta" else USUAL["objective"]
    row = {**USUAL, "posterior": posterior, "objective": objective}
    run = make_run(tmp_path, *settings(row, files))
    train(run)
    target = export_model(run, "onnx", output=tmp_path / "export")  # which compares with torch
    assert (target / "encoder.onnx").is_file()


@pytest.mark.parametrize("file", sorted((ROOT / "sweeps").glob("*.yaml")), ids=lambda p: p.stem)
def test_no_search_that_vael_brings_tries_what_is_refused(file):
    d = define_sweep(file, {}, None, ())
    for trial in parse_space(d.space, d.when).corners():
        row = {**USUAL, **{name: trial[name] for name in FACTORS if name in trial}}
        assert not pairs_of(row) & set(FORBIDDEN), trial


@pytest.mark.parametrize("pair", REFUSED, ids="-".join)
def test_what_cannot_go_together_is_refused_in_a_line(pair, files, tmp_path):
    row = {**USUAL, **dict(choice.split("=") for choice in pair)}
    run = make_run(tmp_path, *settings(row, files))
    with pytest.raises(ConfigError) as refused:
        train(run, discard_on_error=True)
    line = str(refused.value)
    assert re.search(REFUSED[pair], line)
    assert "\n" not in line
    assert not run.exists()
