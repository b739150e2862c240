"""Every sweep file composes, and each path of its space exists under its condition."""

import pytest
import yaml
from helpers.runs import ROOT

from vael.sweep import create, plan
from vael.sweep.spec import checks
from vael.sweep.spec.grammar import parse_space

NO_BPD = {"delta"}
FILES = sorted((ROOT / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_it_can_be_started(file):
    d = plan.define_sweep(file, {}, None, ())
    space = parse_space(d.space, d.when)
    config = checks.compose_base(d)
    checks.compose_corners(d, space)
    assert not create.select_outside(create.find_default(space, config)), "trial 0 is the default"


def test_the_searches_that_the_readme_names_are_there():
    names = {file.stem for file in FILES}
    assert names >= {"latent_beta_likelihood", "rate_distortion", "mnist", "grid"}


@pytest.mark.parametrize(
    ("name", "group"),
    [("objectives", "objective"), ("priors", "prior"), ("posteriors", "posterior")],
)
def test_every_choice_is_in_its_search(name, group):
    space = yaml.safe_load((ROOT / "sweeps" / f"{name}.yaml").read_text())["space"]
    there = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")} - NO_BPD
    (searched,) = parse_space({group: space[group]}, {}).parameters
    assert set(searched.domain.values) == there, f"sweeps/{name}.yaml and conf/{group} differ"
