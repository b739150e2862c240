"""docs/searches.md: its sweep file is one, it names every key, and every search of vael."""

import re
from dataclasses import fields

import pytest
import yaml
from helpers.runs import ROOT, config_of

from vael.config.validate import check_config
from vael.sweep.spec.definition import Definition
from vael.sweep.spec.sweep_file import parse_sweep

PAGE = (ROOT / "docs" / "searches.md").read_text()
FILE = yaml.safe_load(re.search(r"```yaml\n(# mine.yaml\n.*?)```", PAGE, re.DOTALL)[1])


def test_the_file_is_a_sweep_and_its_values_are_the_ones_that_the_page_calls_defaults():
    found = parse_sweep({"name": "mine", **FILE})
    assert (found.sampler, found.pruner, found.seed, found.keep) == ("tpe", "tangent", 0, 3)
    plain = parse_sweep({"name": "mine", "trials": 1, "space": FILE["space"]})
    assert (plain.sampler, plain.pruner, plain.seed, plain.keep) == ("tpe", "tangent", 0, 3)
    row = r"^\| `(\w+)`.* \| (\d+) \|$"
    assert {key: float(said) for key, said in re.findall(row, PAGE, re.MULTILINE)} == {
        key: getattr(plain, key) for key in ("devices", "retries", "lease", "patience")
    }


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_its_trials_compose(likelihood):
    more = ["likelihood.scale=predicted"] if likelihood == "gaussian" else []
    point = [f"likelihood={likelihood}", "model.latent_dim=3", "objective.beta=0.5", *more]
    assert {path.partition("=")[0] for path in point} <= {
        *FILE["space"],
        *FILE["when"]["likelihood=gaussian"],
    }
    check_config(config_of(*FILE["overrides"], *point))


def test_every_key_is_on_the_page():
    keys = {f.name for f in fields(Definition)} - {"name"} | {"target", "direction"}
    assert keys - {*FILE} - {*re.findall(r"`(\w+)`", PAGE)} == set()


def test_every_search_of_vael_is_listed():
    shipped = {path.stem for path in (ROOT / "sweeps").glob("*.yaml")}
    assert {*re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)} >= shipped
