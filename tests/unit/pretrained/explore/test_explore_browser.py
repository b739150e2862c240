"""The page in headless Chromium: dragged, clicked, typed and uploaded to as a user would."""

import numpy as np
import pytest
from helpers.browser import screen, until
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains

CANVAS = """[...document.querySelector('%s canvas').getContext('2d')
    .getImageData(0, 0, 8, 8).data]"""


def opened(browser, address, width=1280, scheme="light"):
    """The page, once it has drawn all."""
    screen(browser, width, scheme)
    browser.get(address)
    until(browser, "'ready' in document.body.dataset")


def pixels(browser, place="#decoded"):
    """What is on a canvas, RGBA."""
    return browser.execute_script(f"return {CANVAS % place}")


def wait_for(browser, frame, place="#decoded"):
    """Waits for exactly this frame."""
    until(browser, f"JSON.stringify({CANVAS % place}) === '{[*frame]}'.replaceAll(' ', '')")


def faults(browser):
    """What went wrong on the page; Chromium also warns that these tests read its canvases."""
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def text(browser, place):
    return browser.find_element("css selector", place).text


def drag(browser, element, *moves):
    """From the middle of an element, with the button held."""
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    actions = ActionChains(browser, duration=20).move_to_element(element).click_and_hold()
    for move in moves:
        actions.move_by_offset(*move)
    actions.release().perform()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_page_renders(browser, digits, digits_url, width, scheme):
    opened(browser, digits_url, width, scheme)
    assert faults(browser) == []
    assert browser.title == "mlp_vae on digits \u00b7 vael explore"
    look = browser.execute_script("""
        const all = (s) => [...document.querySelectorAll(s)];
        return {
            wide: document.documentElement.scrollWidth,
            dims: all('.dim b').map((b) => b.textContent),
            said: all('.dim small').map((s) => s.textContent),
            tiles: all('.tiles canvas').map((c) => c.width),
            legend: all('#legend li').map((l) => l.textContent),
            smooth: getComputedStyle(document.querySelector('#decoded canvas')).imageRendering,
            large: document.querySelector('#decoded canvas').clientWidth,
            page: getComputedStyle(document.body).backgroundColor,
            error: document.querySelector('#error').textContent,
            loaded: performance.getEntriesByType('resource').map((e) => new URL(e.name).origin),
            origin: location.origin,
        };""")
    assert look["wide"] == width, "the page scrolls sideways"
    assert look["dims"] == [f"z{of['dim']}" for of in digits.facts()["dims"]]
    assert look["said"][0].startswith(f"KL {digits.facts()['dims'][0]['kl']:.2f} nats, activity ")
    assert look["tiles"] == [8] * 29
    assert look["legend"] == [str(label) for label in range(10)]
    assert look["smooth"] == "pixelated"
    assert look["large"] >= 120
    assert (int(look["page"].partition("(")[2].partition(",")[0]) < 60) == (scheme == "dark")
    assert look["error"] == ""
    assert {*look["loaded"]} == {look["origin"]}, "something comes from elsewhere"
    assert pixels(browser) == [*digits.decode(digits.example(0))]
    assert pixels(browser, "#original") == [*digits.original(0)]


def test_the_image_follows_a_dragged_slider(browser, digits, digits_url):
    opened(browser, digits_url)
    browser.find_element("id", "reset").click()
    centre = digits.sample(1, 0.0, 0)
    wait_for(browser, digits.decode(centre))
    row = browser.find_elements("css selector", ".dim")[1]
    slider, dim = row.find_element("tag name", "input"), int(row.get_attribute("data-dim"))
    drag(browser, slider, *[(4, 0)] * 12)
    value = float(slider.get_attribute("value"))
    assert value > 0.5
    z = centre.clone()
    z[0, dim] = value
    wait_for(browser, digits.decode(z))
    assert text(browser, "#what") == f"z{dim} moved by hand"
    assert row.find_element("tag name", "output").text == f"{value:.2f}"
    assert "ms a frame" in text(browser, "#speed")
    ActionChains(browser).double_click(row.find_element("tag name", "b")).perform()
    wait_for(browser, digits.decode(centre))
    browser.find_element("id", "random").click()
    until(browser, "document.querySelector('#what').textContent === 'a draw from the prior'")
    assert faults(browser) == []


def test_of_the_frames_that_are_asked_for_meanwhile_only_the_last_is_fetched(
    browser, digits, digits_url
):
    opened(browser, digits_url)
    browser.find_element("id", "reset").click()
    wait_for(browser, digits.decode(digits.sample(1, 0.0, 0)))
    value, dim = browser.execute_script("""
        const fetched = window.fetch;
        window.asked = {now: 0, most: 0, count: 0};
        window.fetch = async (...given) => {
            asked.count += 1;
            asked.most = Math.max(asked.most, asked.now += 1);
            await new Promise((done) => setTimeout(done, 50));
            try { return await fetched(...given); } finally { asked.now -= 1; }
        };
        const slider = document.querySelector('.dim input');
        for (let i = 0; i <= 200; i++) {
            slider.value = i / 100;
            slider.dispatchEvent(new Event('input'));
        }
        return [Number(slider.value), slider.closest('.dim').dataset.dim];""")
    z = digits.sample(1, 0.0, 0).clone()
    z[0, int(dim)] = value
    wait_for(browser, digits.decode(z))
    assert browser.execute_script("return window.asked.most") == 1
    assert browser.execute_script("return window.asked.count") == 2


def place_of(browser, digits, number):
    """Where an example is on the map, in pixels from its middle: one scale for both axes."""
    u = digits.atlas.plane(None).u.double().numpy()
    canvas = browser.find_element("id", "marks")
    low, high = u.min(0), u.max(0)
    size = np.array([canvas.size["width"], canvas.size["height"]])
    scale = ((size - 28) / (high - low)).min()
    return canvas, (u[number] - (low + high) / 2) * scale * [1, -1]


def lonely(digits):
    """The example on the map that is farthest from all others."""
    u = digits.atlas.plane(None).u.double()
    return int((u[:, None] - u).norm(dim=2).fill_diagonal_(np.inf).min(1).values.argmax())


def test_pointing_at_the_map_shows_an_example_and_clicking_decodes_it(browser, digits, digits_url):
    opened(browser, digits_url)
    number = lonely(digits)
    canvas, (x, y) = place_of(browser, digits, number)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    ActionChains(browser).move_to_element_with_offset(canvas, round(x), round(y)).perform()
    wait_for(browser, digits.original(number), "#tip")
    label = digits.atlas.colourings[0].values[number]
    until(
        browser, f"document.querySelector('#tip span').textContent === '#{number}, label {label}'"
    )
    ActionChains(browser).click().perform()
    z = digits.example(number)
    wait_for(browser, digits.decode(z))
    assert text(browser, "#what") == f"test example {number}, label {label}"
    for row in browser.find_elements("css selector", ".dim"):
        value = float(row.find_element("tag name", "input").get_attribute("value"))
        assert value == pytest.approx(float(z[int(row.get_attribute("data-dim"))]), abs=0.02)
    assert faults(browser) == []


def test_dragging_over_the_map_moves_in_its_plane(browser, digits, digits_url):
    opened(browser, digits_url)
    browser.find_element("css selector", "#view option[value='1']").click()
    until(browser, "document.querySelector('#axis-x').textContent.startsWith('across: z')")
    top = digits.atlas.activity.order(2)
    before = digits.example(0)
    canvas = browser.find_element("id", "marks")
    drag(browser, canvas, (10, 0), (10, -30))
    until(browser, "document.querySelector('#what').textContent === 'a place on the map'")
    for row in browser.find_elements("css selector", ".dim"):
        dim, shown = (
            int(row.get_attribute("data-dim")),
            float(row.find_element("tag name", "output").text.replace("\u2212", "-")),
        )
        assert (abs(shown - float(before[dim])) > 0.006) == (dim in top), "only the plane's own"
    assert faults(browser) == []


def test_an_interpolation_between_two_chosen_examples(browser, digits, digits_url):
    opened(browser, digits_url)
    number = browser.find_element("id", "number")
    for example, button in ((3, "use-a"), (8, "use-b")):
        browser.execute_script(
            "arguments[0].value = arguments[1];arguments[0].dispatchEvent(new Event('change'))",
            number,
            example,
        )
        wait_for(browser, digits.decode(digits.example(example)))
        browser.find_element("id", button).click()
    until(
        browser,
        "/A: test example 3,.*B: test example 8,/.test("
        "document.querySelector('#ends').textContent)",
    )
    browser.find_element("css selector", "[value=spherical]").click()
    way = digits.between(digits.example(3), digits.example(8), 41, "spherical")
    wait_for(browser, digits.decode(way[20]), "#strip button:nth-child(5)")
    wait_for(browser, digits.decode(way[0]), "#strip button:first-child")
    wait_for(browser, digits.decode(way[40]), "#strip button:last-child")
    slider = browser.find_element("id", "t")
    drag(browser, slider, (40, 0), (40, 0))
    place = int(slider.get_attribute("value"))
    assert 20 < place < 40
    wait_for(browser, digits.decode(way[place]))


def test_new_samples_follow_the_temperature(browser, digits, digits_url):
    opened(browser, digits_url)
    slider = browser.find_element("id", "temperature")
    browser.execute_script(
        "arguments[0].value = 0; arguments[0].dispatchEvent(new Event('input'))", slider
    )
    centre = digits.decode(digits.sample(1, 0.0, 0))
    wait_for(browser, centre, "#drawn button:first-child")
    wait_for(browser, centre, "#drawn button:last-child")
    assert text(browser, "#temperature-said") == "0.00"


def upload(browser, path):
    browser.find_element("id", "file").send_keys(str(path))


def test_a_picture_is_encoded_and_a_malformed_one_is_explained(
    browser, digits, digits_url, tmp_path
):
    opened(browser, digits_url)
    arrays, index = digits.trained.data.select("test")
    grey = np.round(arrays.x[index][6, 0] * (255 / 16)).astype(np.uint8)
    Image.fromarray(grey).resize((80, 80), Image.Resampling.NEAREST).save(tmp_path / "six.png")
    upload(browser, tmp_path / "six.png")
    until(
        browser,
        "document.querySelector('#upload-said').textContent.startsWith("
        "'six.png: resized from 80 x 80 to 8 x 8 pixels')",
    )
    until(browser, "document.querySelector('#what').textContent === 'the encoded picture'")
    shown = pixels(browser)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    upload(browser, tmp_path / "bad.png")
    until(
        browser,
        "document.querySelector('#upload-said').textContent.startsWith("
        "'bad.png: a picture must be one of PNG, JPEG')",
    )
    assert pixels(browser) == shown, "the refused picture changes nothing"
    (tmp_path / "<b>huge.png").write_bytes(bytes(17 * 2**20))
    upload(browser, tmp_path / "<b>huge.png")
    until(
        browser,
        "document.querySelector('#upload-said').textContent === "
        "'<b>huge.png: a picture must have at most 16 MiB, but this one has 17.0.'",
    )
    upload(browser, tmp_path / "six.png")
    until(browser, "!document.querySelector('#upload-said').classList.contains('wrong')")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (400, "light")])
def test_a_table_shows_its_columns_by_name_and_runs_none_of_them(
    browser, table, table_url, width, scheme
):
    opened(browser, table_url, width, scheme)
    assert faults(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    names = [of["name"] for of in table.facts()["columns"]]
    assert "<img" in names[1]
    shown = browser.execute_script(
        "return [...document.querySelectorAll('.columns dt')].map((d) => d.textContent)"
    )
    assert shown == names
    assert not browser.find_elements("css selector", "img")
    assert browser.title == "mlp_vae on array \u00b7 vael explore"
    values = np.frombuffer(table.decode(table.example(0)), "<f4")
    cells = browser.execute_script(
        "return [...document.querySelectorAll('.columns dd')].map((d) => d.textContent)"
    )
    assert [float(cell.replace("\u2212", "-")) for cell in cells] == pytest.approx(
        values.tolist(), rel=1e-3
    )
    assert not browser.find_element("id", "upload").is_displayed()
    assert len(browser.find_elements("css selector", "#view option")) == 1, "d = 2: one plane"
