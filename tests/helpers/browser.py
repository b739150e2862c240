"""Headless Chromium for the tests of pages; without it they skip, saying so."""

import shutil

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One for all tests; `screen` sets it up for a page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium or chromedriver is not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options, Service(executable_path=driver))
    started.set_script_timeout(90)
    yield started
    started.quit()


def screen(browser, width=1280, scheme="light"):
    """A width, a colour scheme, and a log without what earlier pages said."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get_log("browser")


def until(browser, script):
    """Waits for a script to return something true, and returns it."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 90).until(lambda b: b.execute_script(f"return {script}"))


def plotted(browser, page):
    """Opens a page from the disk and waits for its plots."""
    browser.get(page.as_uri())
    until(browser, "[...document.querySelectorAll('.plot')].every((p) => p.querySelector('svg'))")
