"""Every sweep file composes, and each path of its space exists under its condition."""

import pytest
from helpers.runs import ROOT

from vael.sweep import create, plan
from vael.sweep.spec import checks
from vael.sweep.spec.grammar import parse_space

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
