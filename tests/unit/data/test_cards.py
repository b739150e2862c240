"""Cards of known data sets: the copy at hand is the one, differs, or was not checked."""

import html
import json
import shutil

import numpy as np
import pytest
from helpers.runs import config_of
from hydra.utils import instantiate
from sklearn import datasets

import vael
from vael.data.cards import CARDS
from vael.data.module import VaelData
from vael.data.sources import BreastCancer, Digits, Hub, Sprites
from vael.pretrained.export.card import card_text
from vael.report.page import write_report


def made(source, tmp_path):
    data = VaelData(source, 4, cache_dir=str(tmp_path / "cache"))
    data.prepare()
    return data


@pytest.mark.parametrize("source", [Digits, BreastCancer, Sprites])
def test_the_embedded_sets_are_those_of_their_cards(tmp_path, source):
    data = made(source(), tmp_path)
    assert "is the one of its card" in data.card
    assert not any("card" in note for note in data.notes)
    spec = data.spec
    assert f"{spec.num_train + spec.num_val + spec.num_test:,}" in data.card


def test_a_copy_that_differs_is_told_and_used(tmp_path, monkeypatch):
    whole = datasets.load_digits()
    whole.images[5, 2, 2] = 16 - whole.images[5, 2, 2]
    monkeypatch.setattr(datasets, "load_digits", lambda: whole)
    data = made(Digits(), tmp_path)
    assert any("this copy of digits differs from the one of its card" in n for n in data.notes)
    np.testing.assert_array_equal(data.cached.data.train.x[5, 0], whole.images[5])


def test_a_resized_copy_is_not_checked(tmp_path):
    data = made(Digits(image_size=4), tmp_path)
    assert "licence: CC BY 4.0" in data.card
    assert "was not checked: its digest is of data that is not resized" in data.card


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "card"), [("ylecun/mnist", "mnist"), ("uoft-cs/cifar10", "cifar10")]
)
def test_real_copies_are_those_of_their_cards(shared, tmp_path, name, card):
    data = made(Hub(name=name, path=str(shared / card)), tmp_path)
    if len(data.cached.data.train) < 50_000:  # a part of it
        assert any(f"this copy of {card} has 20000 + 4000 examples" in n for n in data.notes)
    else:
        assert f"this copy of {card} is the one of its card" in data.card


def test_every_card_says_whose_it_is():
    for card in CARDS.values():
        assert "http" in card.source or "vael" in card.source
        assert card.licence
        assert card.content or "published" in card.unchecked


@pytest.mark.parametrize("name", CARDS)
def test_each_known_set_has_its_card(name):
    config = config_of(f"data={name}")
    card = instantiate(config.data.source).card()
    assert card == CARDS[name]


@pytest.mark.parametrize("differs", [False, True])
@pytest.mark.parametrize("name", CARDS)
def test_a_card_stands_in_report_and_model_card(run, tmp_path, name, differs):
    card = CARDS[name]
    check = card.check("0" * 32 if differs else card.content or "", card.counts)
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    summary = json.loads((folder / "summary.json").read_text())
    assert "this copy of digits is the one of its card" in summary["data_card"]
    summary["data_card"] = f"{card.describe()}; {check}"
    (folder / "summary.json").write_text(json.dumps(summary))
    page = html.unescape(write_report(folder).read_text())
    text = card_text(vael.load(folder), summary, "MIT", {})
    for said in (card.source, card.licence, card.sizes, check):
        assert said in page
        assert said in text
    expected = "differs" if differs and card.content else "is the one" if card.content else "not c"
    assert expected in check
