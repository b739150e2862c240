"""The dashboard in headless Chromium: the trials, what mattered, and a picture."""

from helpers.browser import screen, until
from helpers.studies import finish_all, make_study
from unit.sweep.dashboard.conftest import serving

EVIL = "<img src=x onerror=document.title='pwned'>`<script>document.title='pwned'<.script>"

SOURCES = """performance.getEntriesByType('resource').map((e) => e.name)
    .filter((n) => !n.startsWith('data:') && !n.startsWith('blob:'))"""


def test_the_page_shows_trials_importances_and_a_picture(browser, address):
    screen(browser, 1280)
    browser.get(address)
    importance = """[...document.querySelectorAll('.js-plotly-plot')].find((p) =>
        p.querySelectorAll('.bars path').length && p.textContent.includes('objective.beta'))"""
    assert until(browser, f"Boolean({importance})")
    assert until(browser, "document.body.innerText.includes('Best Trial')")
    browser.get(f"{address}/note")
    assert until(browser, "document.body.innerText.includes('Open the report of this sweep')")
    browser.get(f"{address}/trials?numbers=3")
    listed = "[0, 3, 11].every((i) => document.body.innerText.includes(`Trial ${i}`))"
    assert until(browser, listed)
    shown = until(
        browser,
        """(() => {
        const all = [...document.querySelectorAll('img')].filter((i) => i.naturalWidth);
        return all.length === 3 && all.map((i) => [i.naturalWidth, i.naturalHeight]); })()""",
    )
    assert shown == [[24, 16]] * 3
    root = address.split("/dashboard")[0]
    assert {name[: len(root)] for name in browser.execute_script(f"return {SOURCES}")} == {root}
    assert browser.get_log("browser") == []
    link = browser.find_element("link text", "Open the report of trial 3")
    browser.get(link.get_attribute("href"))
    assert "run report" in browser.find_element("css selector", ".kind").text.lower()


def test_a_folder_of_a_hostile_name_runs_nothing(browser, tmp_path):
    made = make_study(tmp_path / EVIL, trials=2)
    finish_all(made)
    with serving(made.folder) as address:
        for path, shown in (
            ("/note", "report of this sweep"),
            ("/trials?numbers=1", "<img src=x onerror="),
        ):
            browser.get(f"{address}{path}")
            assert until(browser, f"document.body.innerText.includes('{shown}')")
            assert browser.execute_script("return document.title") != "pwned"
            assert not browser.execute_script("return document.querySelector('img[onerror]')")
        for path in ("/report", "/report/1"):
            browser.get(address.split("/dashboard")[0] + path)
            assert until(browser, "document.querySelector('.kind')")
            assert browser.execute_script("return document.title") != "pwned"
            assert not browser.execute_script("return document.querySelector('img[onerror]')")
