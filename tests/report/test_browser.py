"""The report in headless Chromium, opened from the disk."""

import pytest
from browser import plotted, screen, until

from vael.report.page import write_report


@pytest.fixture
def opened(browser, run):
    """Opens the run's report at a width and in a colour scheme, and waits for the plots."""

    def open_page(width=1280, scheme="light"):
        screen(browser, width, scheme)
        plotted(browser, write_report(run))
        return browser

    return open_page


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_renders(opened, width, scheme):
    browser = opened(width, scheme)
    assert browser.get_log("browser") == []
    assert browser.title == "conv_vae on digits · vael"
    look = browser.execute_script("""
        const all = (s) => [...document.querySelectorAll(s)];
        return {
            plots: all('.plot').length, drawn: all('.plot .scatterlayer .trace path').length,
            pictures: all('figure img').map((i) => i.naturalWidth),
            table: document.querySelector('table').innerText,
            wide: document.documentElement.scrollWidth,
            page: getComputedStyle(document.body).backgroundColor,
            ink: getComputedStyle(document.querySelector('.plot .xtitle')).fill,
            loaded: performance.getEntriesByType('resource').map((e) => e.name)
                .filter((n) => !n.startsWith('data:') && !n.startsWith('blob:')),
        };""")
    assert look["plots"] == 6
    assert look["drawn"] >= 10
    assert len(look["pictures"]) == 2
    assert min(look["pictures"]) > 0
    assert "Bits per dimension" in look["table"]
    assert "2.125" in look["table"]
    assert look["wide"] == width, "the page scrolls sideways"
    assert look["loaded"] == []
    dark = scheme == "dark"
    assert (brightness(look["page"]) < 60) == dark
    assert (brightness(look["ink"]) > 128) == dark, "the plots' text does not follow the scheme"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_an_evaluation_is_shown_with_error_bars_and_a_spectrum(opened, evaluate, width, scheme):
    evaluate()
    browser = opened(width, scheme)
    assert browser.get_log("browser") == []
    look = browser.execute_script("""
        const all = (s) => [...document.querySelectorAll(s)];
        const right = (e) => e.getBoundingClientRect().right;
        return {
            text: document.querySelector('#evaluation').innerText,
            errors: all('#evaluation .errorbars path').length,
            bars: all('#evaluation .bars .point').length,
            curves: all('#curves .plot .scatterlayer .trace').length,
            wide: document.documentElement.scrollWidth,
            cut: all('#evaluation td.number').filter((td) =>
                right(td) > right(td.closest('.card'))).length,
        };""")
    assert "90.56 \u00b1 0.81" in look["text"]
    assert look["errors"] >= 3
    assert look["bars"] == 3
    assert look["curves"] >= 5
    assert look["wide"] == width, "the page scrolls sideways"
    assert look["cut"] == 0


def brightness(colour: str) -> float:
    """Mean of the channels of ``rgb(r, g, b)``."""
    numbers = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return sum(numbers) / 3


def test_a_picture_grows_when_it_is_clicked_on_a_phone(opened):
    browser = opened(400)
    image = browser.find_element("css selector", "figure img")
    small = image.size["width"]
    browser.execute_script("arguments[0].click()", image)
    assert image.size["width"] > small
    assert browser.execute_script("return document.documentElement.scrollWidth") == 400


def test_hovering_a_curve_shows_its_value(opened):
    browser = opened()
    from selenium.webdriver.common.action_chains import ActionChains

    plot = browser.find_element("css selector", ".plot .nsewdrag")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    ActionChains(browser).move_to_element(plot).perform()
    until(browser, "document.querySelector('.plot .hoverlayer').textContent.includes('2.5')")


def test_the_configuration_is_folded_and_paper_has_it_open(opened):
    browser = opened(1280, "dark")
    is_open = "return document.querySelector('details').open"
    assert browser.execute_script(is_open) is False
    pdf = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"]
    assert len(pdf) > 10_000
    assert browser.execute_script(is_open) is True
    assert browser.get_log("browser") == []
