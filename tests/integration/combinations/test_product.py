"""The whole product: each objective, prior, posterior, likelihood and kind of data at once.

The parts are those of a run, but nothing is kept on disk between them, so that thousands of
models are trained, continued, scored, drawn from, exported and explored within minutes. There is
one layer of latents and no condition: others take none of the choices, or are met in pairs.
"""

import json
import math
from copy import deepcopy

import pytest
import torch
from helpers.pairwise import rows_of
from integration.combinations.choices import FACTORS, FORBIDDEN, USUAL, label, settings, write_data
from omegaconf import OmegaConf

import vael
from vael.config.build import build_data, build_seeds
from vael.config.compose import compose_config
from vael.data.batches import take_batch
from vael.evaluation.diagnostic_inputs import gather_inputs
from vael.evaluation.diagnostics import diagnose
from vael.evaluation.result import summarize_scores
from vael.pretrained.explore.session import Session
from vael.pretrained.export.export import encode_safetensors
from vael.pretrained.model import Model
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import Trained
from vael.training.setup import build_module

KINDS = ["image", "table"]
GROUPS = ("likelihood", "posterior", "prior", "objective")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("data"))


class Bench:
    """Data that is prepared once, and the node of each choice, composed once."""

    def __init__(self, folder):
        self.folder, self.files = folder, write_data(folder)
        self.prepared, self.nodes = {}, {}
        self.bases = {kind: self.compose({**USUAL, "data": kind}) for kind in KINDS}

    def data(self, config, row):
        """Return the data, which only likelihood=mixed wants to know more of."""
        key = row["data"], row["likelihood"] == "mixed"
        if key not in self.prepared:
            self.prepared[key] = build_data(config, build_seeds(config))
            self.prepared[key].prepare()
        return self.prepared[key]

    def compose(self, row):
        return compose_config(settings(row, self.files))

    def config(self, row):
        """Return what `compose` does: a group holds nothing that hangs on another one."""
        config = OmegaConf.create(OmegaConf.to_container(self.bases[row["data"]]))
        for group in GROUPS:
            key = group, row[group]
            if key not in self.nodes:
                other = {"posterior": "normal"} if row[group] == "wae" else {}
                composed = self.compose({**USUAL, **other, group: row[group]})
                self.nodes[key] = OmegaConf.to_container(composed[group], resolve=True)
            config[group] = self.nodes[key]
            config.choices[group] = row[group]
        return config


def take_step(lit, optimizer, x, number):
    """Take an optimiser step and return its loss."""
    loss = lit.loss(x, lit.draws(0, number), number, lit.objective.beta(number)).value
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def train(config, data):
    """Train two steps; leave the first one's state, go on from it, and do the same again."""
    arrays, index = data.select("train")
    x = take_batch(arrays, index).x
    lit, again = (build_module(config, data, build_seeds(config)) for _ in range(2))
    optimizer, other = lit.configure_optimizers(), again.configure_optimizers()
    assert math.isfinite(take_step(lit, optimizer, x, 0))
    again.load_state_dict(lit.state_dict())
    other.load_state_dict(deepcopy(optimizer.state_dict()))
    loss = take_step(lit, optimizer, x, 1)
    assert math.isfinite(loss)
    assert take_step(again, other, x, 1) == loss
    one, two = lit.state_dict(), again.state_dict()
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    return lit.vae.eval().requires_grad_(False)


def live(bench, row):
    config = bench.config(row)
    data = bench.data(config, row)
    vae = train(config, data)
    trained = Trained(bench.folder / "none", config, data, vae, data.preprocess, False)
    bounded, has_levels = row["posterior"] != "delta", row["data"] == "image"

    scorer, part = Scorer(trained, torch.device("cpu"), 2), Part("test")
    columns = scorer.score(part, 0, lambda pairs: None)
    found = summarize_scores(trained, "test", scorer.ks, columns, None)
    assert all(map(math.isfinite, found["scores"].values()))
    if bounded:
        assert math.isfinite(found["bounds"]["2"]["bpd" if has_levels else "nll"])
    sections = diagnose(gather_inputs(scorer, part)).sections
    assert all(map(math.isfinite, sections["latents"]["spectrum"]["variance"]))

    model = Model.of(trained)
    file = bench.folder / "model.safetensors"
    file.write_bytes(encode_safetensors(model))
    again = vael.load(file)
    drawn = model.sample(3)
    assert drawn.isfinite().all()
    assert torch.equal(again.sample(3), drawn)
    x = take_batch(data.select("test")[0], data.select("test")[1]).x.numpy()
    assert torch.equal(again.encode(x).mu, model.encode(x).mu)
    if bounded:
        assert torch.equal(again.log_prob(x, 2), model.log_prob(x, 2))

    session = Session(trained, part)
    json.dumps(session.facts(), allow_nan=False)
    z = session.sample(3, 0.7, seed=0)
    size = math.prod(model.spec.event_shape[1:] if has_levels else model.spec.event_shape)
    assert len(session.decode(z)) == 3 * 4 * size


@pytest.mark.long
@pytest.mark.parametrize("posterior", FACTORS["posterior"])
@pytest.mark.parametrize("objective", FACTORS["objective"])
def test_all_choices_go_together(objective, posterior, bench):
    chosen = {"data": KINDS, "objective": [objective], "posterior": [posterior]}
    for row in rows_of(
        {**FACTORS, **chosen, "latents": ["flat"], "condition": ["none"]}, FORBIDDEN
    ):
        try:
            live(bench, row)
        except Exception as error:
            raise AssertionError(label(row)) from error


def test_a_config_of_the_product_is_the_composed_one(bench):
    row = {
        "data": "image",
        "likelihood": "categorical",
        "posterior": "iaf",
        "prior": "spline",
        "objective": "bound",
        "latents": "flat",
        "condition": "none",
    }
    composed = bench.compose(row)
    made = bench.config(row)
    for name in ("command", "name", "output_dir", "choices"):  # what the run was made by
        made[name] = composed[name]
    assert OmegaConf.to_container(made) == OmegaConf.to_container(composed)
