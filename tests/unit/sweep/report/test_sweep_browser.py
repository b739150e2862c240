"""The report of a sweep in headless Chromium, opened from the disk."""

import pytest
from helpers.browser import plotted, screen


def opened(browser, page, width, scheme):
    """The page at a width and in a colour scheme, with its plots drawn."""
    screen(browser, width, scheme)
    plotted(browser, page)


LOOK = """
    const all = (s) => [...document.querySelectorAll(s)];
    const colour = (e) => getComputedStyle(e).fill.match(/[0-9.]+/g).slice(0, 3).map(Number);
    return {
        plots: all('.plot').length,
        empty: all('.plot').filter((p) => !p.querySelector(
            '.trace .point, .trace .line')).length,
        // texts of the plots that stick out of their own plot
        cut: all('.plot').flatMap((p) => [...p.querySelectorAll('text')].filter((t) => {
            const a = t.getBoundingClientRect(), b = p.getBoundingClientRect();
            return a.width && (a.left < b.left - 1 || a.right > b.right + 1
                || a.top < b.top - 1 || a.bottom > b.bottom + 1);
        }).map((t) => t.textContent)),
        hidden: all('.scroll').filter((s) => s.scrollWidth > s.clientWidth).length,
        pictures: all('figure img').map((i) => i.naturalWidth),
        wide: document.documentElement.scrollWidth,
        ink: colour(document.querySelector('.plot .xtitle')),
        label: getComputedStyle(document.querySelector('.wide .plot .note')).stroke
            .match(/[0-9.]+/g).slice(0, 3).map(Number),
        loaded: performance.getEntriesByType('resource').map((e) => e.name)
            .filter((n) => !n.startsWith('data:') && !n.startsWith('blob:')),
    };"""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_sweeps_report_renders(browser, small, judged, width, scheme):
    names = ["gaussian", "logistic_mixture", "continuous_bernoulli", "beta_binomial"]
    opened(browser, small.write([judged(names)]), width, scheme)
    assert browser.get_log("browser") == []
    assert browser.title == "tiny · vael"
    look = browser.execute_script(LOOK)
    # two of the verdict, history, parallel, two maps, four slices, one plane; no importance of
    # 5 trials, and no active units
    assert look["plots"] == 11
    assert look["empty"] == 0
    assert look["cut"] == []
    assert len(look["pictures"]) == 6
    assert min(look["pictures"]) > 0
    assert look["wide"] == width, "the page scrolls sideways"
    assert look["hidden"] == 0, "a table scrolls within the page"
    assert look["loaded"] == []
    dark = scheme == "dark"
    assert (sum(look["ink"]) / 3 > 128) == dark, "the plots' text does not follow the scheme"
    assert (sum(look["label"]) / 3 < 128) == dark, "nor does the ground of the labels"


def test_hovering_a_trial_shows_its_parameters(browser, small):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.support.ui import WebDriverWait

    opened(browser, small.write(), 1280, "light")
    point = browser.find_elements("css selector", ".plot .trace circle.point")[2]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", point)
    ActionChains(browser).move_to_element(point).perform()
    WebDriverWait(browser, 10).until(
        lambda b: (
            "likelihood=gaussian"
            in b.execute_script("return document.querySelector('.plot .hovering').textContent")
        )
    )


def test_a_page_of_hostile_names_runs_nothing_and_still_draws(browser, fake, evil):
    made = fake()
    for i in range(12):
        made.add(
            [2.0 + i],
            family=evil,
            fit=evil,
            model__latent_dim=4 + i,
            **{evil: evil},
            objective__beta=1.0 + i,
            metrics={"val/rate": 1.0 + i, "val/distortion": 3.0 - i},
        )
    made.add(None, "FAIL", evil, **{evil: f"{evil}2"})
    opened(browser, made.write(), 1280, "light")
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.querySelectorAll('.plot').length") >= 4
    assert browser.execute_script("return document.querySelectorAll('img[src=x]').length") == 0


def test_an_empty_sweep_has_a_quiet_page(browser, fake):
    opened(browser, fake().write(), 400, "dark")
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") == 400
