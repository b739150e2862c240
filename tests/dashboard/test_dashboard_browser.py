"""The dashboard in headless Chromium: the trials, what mattered, and a picture."""

from browser import screen, until

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
    shown = until(browser, """(() => {
        const all = [...document.querySelectorAll('img')].filter((i) => i.naturalWidth);
        return all.length === 3 && all.map((i) => [i.naturalWidth, i.naturalHeight]); })()""")
    assert shown == [[24, 16]] * 3
    root = address.split("/dashboard")[0]
    assert {name[: len(root)] for name in browser.execute_script(f"return {SOURCES}")} == {root}
    assert browser.get_log("browser") == []
    link = browser.find_element("link text", "Open the report of trial 3")
    browser.get(link.get_attribute("href"))
    assert "run report" in browser.find_element("css selector", ".kind").text.lower()
