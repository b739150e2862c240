"""Each data YAML, composed with a small stand-in for what is around it."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from vael.data.source import Source

CONF = Path(__file__).parents[3] / "conf"
DATA = sorted(path.stem for path in (CONF / "data").glob("*.yaml"))
NO_IMAGES = {"breast_cancer", "series"}
NEEDS = {"hub": ["data.name=a/b"], "array": ["data.path=x.npz"], "folder": ["data.path=x"]}
NEEDS["series"] = ["data.path=x.npz"]


@pytest.fixture
def composed(tmp_path):
    (tmp_path / "likelihood").mkdir()
    for name in ("gaussian", "bernoulli", "other"):
        (tmp_path / "likelihood" / f"{name}.yaml").write_text(f"kind: {name}\n")
    (tmp_path / "data").symlink_to(CONF / "data")
    (tmp_path / "train.yaml").write_text(
        "defaults: [_self_, {likelihood: other}, {data: digits}]\n"
        "data: {batch_size: 128, binarize: none, image_size: null, limit: null, split_seed: 0,"
        " cache_dir: null}\n"
    )

    def make(*overrides):
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            return compose("train", list(overrides))

    return make


@pytest.mark.parametrize("name", DATA)
def test_it_makes_a_source_and_keeps_the_general_settings(composed, name):
    config = composed(f"data={name}", "data.image_size=[8,9]", *NEEDS.get(name, []))
    source = instantiate(config.data.source)
    assert isinstance(source, Source)
    if name not in NO_IMAGES:
        size = source.options.size if hasattr(source, "options") else source.image_size
        assert size == (8, 9)
    assert config.data.batch_size == 128
    assert config.data.name


@pytest.mark.parametrize("name", DATA)
def test_it_names_its_likelihood_and_the_command_line_still_wins(composed, name):
    expected = "bernoulli" if name in ("mnist", "sprites") else "gaussian"
    assert composed(f"data={name}").likelihood.kind == expected
    assert composed(f"data={name}", "likelihood=other").likelihood.kind == "other"


def test_every_source_has_a_yaml():
    assert {
        "digits",
        "mnist",
        "fashion_mnist",
        "cifar10",
        "hub",
        "array",
        "sprites",
        "folder",
    } <= set(DATA)
