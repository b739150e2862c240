"""Cards of known data sets: the copy at hand is the one, differs, or was not checked."""

import numpy as np
import pytest
from sklearn import datasets

from vael.data.cards import CARDS
from vael.data.module import VaelData
from vael.data.sources import BreastCancer, Digits, Hub, Sprites


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
