"""Latents that have places: how they lie, and the page that shows them."""

import pytest
import torch
from helpers.browser import screen, until
from helpers.runs import QUICK, make_run
from helpers.serving import serving

from vael.pretrained.explore.app import make_explore_app
from vael.pretrained.explore.places import describe_layout
from vael.pretrained.explore.session import open_session
from vael.training.fit import train

PIXELS = """[...document.querySelector('#decoded canvas').getContext('2d')
    .getImageData(0, 0, 8, 8).data]"""


def opened(browser, address):
    """The page, once it has drawn all."""
    screen(browser, 1280, "light")
    browser.get(address)
    until(browser, "'ready' in document.body.dataset")


def text(browser, place):
    return browser.find_element("css selector", place).text


def faults(browser):
    """What went wrong on the page; Chromium also warns that these tests read its canvases."""
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.parametrize(
    ("shape", "pieces", "layout"),
    [
        ((16,), 0, None),
        ((16,), 4, (1, 1, 4)),
        ((3, 2, 5), 0, (3, 2, 5)),
        ((6, 2, 5), 2, (2, 2, 5)),
        ((3, 7), 0, (3, 1, 7)),
    ],
)
def test_a_map_has_layers_of_rows_and_columns(shape, pieces, layout):
    wanted = layout and dict(zip(("layers", "rows", "columns"), layout, strict=True))
    assert describe_layout(shape, pieces) == wanted


def made(folder, *settings):
    small = [word for word in QUICK if "latent_dim" not in word]
    run = make_run(folder, *small, "report=false", "evaluation.test=false", *settings)
    train(run)
    return open_session(run)


@pytest.mark.slow
def test_a_click_on_a_place_of_a_map_brings_its_slider(browser, tmp_path):
    session = made(tmp_path, "model.latent_shape=[2,2,3]")
    with serving(make_explore_app(session)) as address:
        opened(browser, address)
        cells = browser.find_elements("css selector", "#places button")
        assert sorted(cell.get_attribute("aria-label").split(":")[0] for cell in cells) == [
            f"z{c}[{i},{j}]" for c in range(2) for i in range(2) for j in range(3)
        ]
        wanted = next(c for c in cells if c.get_attribute("aria-label").startswith("z1[1,2]"))
        wanted.click()
        assert text(browser, "#sliders .dim:first-child b") == "z1[1,2]"
        value = float(session.example(0)[1 * 6 + 1 * 3 + 2])
        assert wanted.get_attribute("title") == f"z1[1,2]: {value:.2f}"
        assert faults(browser) == []


@pytest.mark.slow
def test_another_code_is_a_click(browser, tmp_path):
    session = made(tmp_path, "latents=fsq", "latents.levels=[4,3]", "model.latent_dim=4")
    with serving(make_explore_app(session)) as address:
        opened(browser, address)
        assert not browser.find_element("id", "sliders").is_displayed()
        assert not browser.find_element("id", "temperature").is_displayed()
        browser.find_element("css selector", "#places button:first-child").click()
        found = session.choose(session.example(0), 0)
        until(browser, "document.querySelector('#choices-said').textContent.includes('place 0')")
        there = "document.querySelectorAll('#choices button').length"
        until(browser, f"{there} === {len(found['options'])}")
        others = [n for n, o in enumerate(found["options"]) if o["code"] != found["codes"][0]]
        option = found["options"][others[0]]
        browser.find_elements("css selector", "#choices button")[others[0]].click()
        first = "document.querySelector('#places button').title"
        until(browser, f"{first} === 'place 0: code {option['code']}'")
        assert text(browser, "#what") == f"code {option['code']} at place 0"
        frame = [*session.decode(torch.tensor([option["z"]]))]
        until(browser, f"JSON.stringify({PIXELS}) === '{frame}'.replaceAll(' ', '')")
        assert faults(browser) == []
