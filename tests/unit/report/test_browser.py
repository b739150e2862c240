"""The report in headless Chromium, opened from the disk."""

import pytest
from helpers.browser import plotted, screen, until

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
            plots: all('.plot').length, drawn: all('#curves .trace .line').length,
            pictures: all('figure img').map((i) => i.naturalWidth),
            table: document.querySelector('table').innerText,
            wide: document.documentElement.scrollWidth,
            page: getComputedStyle(document.body).backgroundColor,
            // numbers that leave their card, or lie on each other
            cut: all('#numbers .number').filter((cell) => {
                const a = cell.getBoundingClientRect(), next = cell.nextElementSibling;
                const b = next && next.matches('.number') && next.getBoundingClientRect();
                return a.right > cell.closest('.card').getBoundingClientRect().right
                    || cell.scrollWidth > cell.clientWidth || (b && a.right > b.left + 1);
            }).map((cell) => cell.textContent),
            ink: getComputedStyle(document.querySelector('.plot .xtitle')).fill,
            loaded: performance.getEntriesByType('resource').map((e) => e.name)
                .filter((n) => !n.startsWith('data:') && !n.startsWith('blob:')),
        };""")
    assert look["plots"] == 6
    assert look["drawn"] == 10
    assert len(look["pictures"]) == 2
    assert min(look["pictures"]) > 0
    assert "Bits per dimension" in look["table"]
    assert "2.125" in look["table"]
    assert look["wide"] == width, "the page scrolls sideways"
    assert look["cut"] == []
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
            errors: all('#evaluation .error').length,
            bars: all('#evaluation .bar').length,
            curves: all('#curves .plot .trace').length,
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


def mouse(browser, element):
    """Scrolls to an element and puts the mouse on its middle."""
    from selenium.webdriver.common.action_chains import ActionChains

    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    return ActionChains(browser, duration=50).move_to_element(element)


def test_hovering_a_curve_shows_its_value(opened):
    browser = opened()
    mouse(browser, browser.find_element("css selector", "#curves .drawn")).perform()
    until(browser, "document.querySelector('#curves .hovering').innerText.includes('2.5')")
    assert "epoch 2, step 20" in browser.execute_script(
        "return document.querySelector('#curves .hovering').innerText"
    )


TICKS = """
    const plot = document.querySelectorAll('#curves .plot')[arguments[0]];
    const number = (text) => Number(text.replace('\u2212', '-').replace(',', ''));
    const ticks = [...plot.querySelectorAll('.tick')].map((t) => [t.getAttribute('text-anchor'),
        Number(t.getAttribute('x')), Number(t.getAttribute('y')), number(t.textContent)]);
    return [ticks, [...plot.querySelectorAll('.line')].map((l) => l.getAttribute('d'))];"""


def drawn(browser, plot):
    """The points of the lines in the units of the axes, by what is written beside the ticks."""
    ticks, lines = browser.execute_script(TICKS, plot)
    across = [(x, value) for anchor, x, _, value in ticks if anchor == "middle"]
    up = [(y - 4, value) for anchor, _, y, value in ticks if anchor == "end"]

    def value(known, at):
        (a, one), (b, two) = known[0], known[-1]
        return one + (at - a) * (two - one) / (b - a)

    points = [[tuple(map(float, pair.split())) for pair in path[1:].split("L")] for path in lines]
    return [[(value(across, x), value(up, y)) for x, y in path] for path in points]


def test_a_line_passes_its_values_by_the_ticks_of_its_axes(opened):
    browser = opened()
    [bits] = drawn(browser, 0)
    assert bits == [pytest.approx(pair) for pair in [(1, 3.5), (2, 2.5), (3, 2.25)]]
    loss, distortion, _ = drawn(browser, 1)
    assert loss == [pytest.approx(pair) for pair in [(1, 120.5), (2, 110), (3, 105)]]
    assert distortion == [pytest.approx(pair) for pair in [(1, 112.5), (2, 100), (3, 94)]]


def test_dragging_zooms_and_a_double_click_shows_all_again(opened):
    browser = opened()
    ticks = """return [...document.querySelectorAll('#curves .plot')[0].querySelectorAll('.tick')]
        .map((t) => t.textContent)"""
    before = browser.execute_script(ticks)
    svg = browser.find_element("css selector", "#curves .drawn")
    mouse(browser, svg).click_and_hold().move_by_offset(90, 60).release().perform()
    until(browser, f"(() => {{ {ticks} }})().join() !== '{','.join(before)}'")
    [line] = drawn(browser, 0)
    assert line[1] == pytest.approx((2, 2.5))  # the same place in another window
    svg = browser.find_element("css selector", "#curves .drawn")
    mouse(browser, svg).double_click().perform()
    until(browser, f"(() => {{ {ticks} }})().join() === '{','.join(before)}'")


def test_the_configuration_is_folded_and_paper_has_it_open(opened):
    browser = opened(1280, "dark")
    is_open = "return document.querySelector('details').open"
    assert browser.execute_script(is_open) is False
    pdf = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"]
    assert len(pdf) > 10_000
    assert browser.execute_script(is_open) is True
    assert browser.get_log("browser") == []
