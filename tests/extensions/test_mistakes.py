"""Mistakes in code and YAMLs of a user's own: one line, and no folder."""

import re

import pytest
from extensions.files import CHOICES, search, train

BAD = {
    "no package": (
        [],
        "conf",
        "No module named 'mylab'. Install its package, or put the folder "
        "that holds it on PYTHONPATH",
    ),
    "no such folder": (
        ["hydra.searchpath=[file:///no/such/folder]"],
        "package",
        "hydra.searchpath: /no/such/folder is not a folder",
    ),
    "typo": (["model.encoder.widht=3"], "package", "Did you mean model.encoder.width"),
    "net": (
        ["model.encoder._target_=mylab.wrong.Transposed", "model.encoder.width=3"],
        "package",
        "cannot be multiplied (1x64 and 3x3) (PLACE/mylab/wrong.py, line 13). model.encoder",
    ),
    "objective": (
        ["objective._target_=mylab.wrong.Bare"],
        "package",
        "(mylab.wrong.Bare) must return a vael.models.Loss, but returned a Tensor.",
    ),
    "sum": (
        ["likelihood._target_=mylab.wrong.Unsummed"],
        "package",
        "must sum log p(x|z) over the dimensions of an example, to shape (S, B) = (1, 1), but "
        "gave (1, 1, 1, 8, 8).",
    ),
    "callback": (
        ["callbacks.extra.mine={_target_: mylab.Mine}"],
        "package",
        "your own callbacks are added with a plus: +callbacks.extra.NAME=...",
    ),
    "option": (
        ["model=my_vea"],
        "package",
        "no such option; choose from conv_vae, linear_vae, mlp_vae, my_vae",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_gets_one_line_and_no_folder(work, name, tmp_path):
    given, path, said = BAD[name]
    found = [] if any(g.startswith("hydra.searchpath") for g in given) else [search(work)]
    done = train(work, *found, *CHOICES, *given, f"output_dir={tmp_path / 'out'}", path=path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said.replace("PLACE", str(work / path)) in line
    assert not list(tmp_path.glob("out/*/*"))


NETS = """
latent_dim: 3
encoder: {{_target_: {}, width: {}}}
decoder: {{_target_: mylab.nets.TwoLayers, width: 4}}
"""
BROKEN = {
    "brace": ("encoder: {width: 3", r"broken\.yaml., line 1, .* expected ',' or '}'"),
    "interpolation": (
        NETS.format("mylab.nets.TwoLayers", "'${model.widht}'"),
        r"model\.encoder\.width cannot be resolved: model\.widht is not a setting",
    ),
    "encoding": ("# Gr\udcf6sse\nlatent_dim: 3", r"not UTF-8: .*'# Gr\\xf6sse"),
    "class": (
        NETS.format("mylab.nets.TwoLayer", 4),
        r"model\.encoder \(mylab\.nets\.TwoLayer\) .*: mylab\.nets has no TwoLayer\.$",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_yaml_of_ones_own_gets_one_line_and_no_folder(work, name, tmp_path):
    text, said = BROKEN[name]
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "broken.yaml").write_text(text, errors="surrogateescape")
    done = train(work, search(tmp_path), "model=broken", f"output_dir={tmp_path / 'out'}")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("vael: ")
    assert re.search(said, line), line
    assert not list(tmp_path.glob("out/*/*"))
