"""Two runs side by side: every number is one of a summary.json, every difference theirs."""

import json
import re
import shutil

import pytest
from helpers.browser import plotted, screen
from typer.testing import CliRunner

from vael.cli.main import app
from vael.errors import ConfigError
from vael.report.comparison.charts import overlay_plots
from vael.report.comparison.numbers import compare_scores
from vael.report.comparison.page import write_comparison
from vael.report.contents import read_run

COMPARABLE = {"target": "val/bpd", "data_digest": "0123456789abcdef"}
METRICS = {
    "val/bpd": 2.5,
    "val/elbo": -104.5,
    "test/bpd": 2.0,
    "test/elbo": -101.0,
    "test/mse": 0.03125,
    "test/rate": 5.25,
    "train/loss": 95.0,
}


@pytest.fixture
def summaries(run, edit_summary):
    """Changes the summary.json of both runs, and returns the runs."""
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config + "data: {binarize: none}\n")
    edit_summary(**COMPARABLE)
    other = shutil.copytree(run, run.parent / "other <b>")
    log = (run / "metrics.csv").read_text()
    (other / "metrics.csv").write_text(log.replace("2.25,11.5,95", "2.5,7.5,97"))
    (other / "config.yaml").write_text(
        (run / "config.yaml").read_text().replace("beta: 0.5", "beta: 4")
    )

    def edit(a=None, b=None):
        for folder, changes in ((run, a or {}), (other, {"metrics": METRICS, **(b or {})})):
            summary = json.loads((folder / "summary.json").read_text())
            (folder / "summary.json").write_text(json.dumps({**summary, **changes}))
        return run, other

    edit(b={"command": "python train.py objective.beta=4", "seed": 8})
    return edit


def visible(page) -> str:
    """The page without scripts, styles and pictures, in one line."""
    text = re.sub(
        r"<script>.*?</script>|<style>.*?</style>|\s+", " ", page.read_text(), flags=re.S
    )
    return re.sub(r"base64,[^\"]*", "base64,", text)


def cells(page: str, group: str, name: str) -> list[str]:
    """The texts of a row of a group of numbers."""
    part = page[page.index(f"<h3>{group}</h3>") :]
    row = re.search(rf"<th scope=\"row\">{re.escape(name)}</th>(.*?)</tr>", part)
    assert row, f"no row {name} in {group}"
    return [
        re.sub(r"<[^>]*>", " ", cell).split()
        for cell in re.findall(r"<td class=\"number\">(.*?)</td>", row[1])
    ]


def number(text: str) -> float:
    return float(text.replace("\u2212", "-").replace(",", ""))


def test_each_number_is_of_its_summary_and_the_difference_is_theirs(summaries):
    a, b = summaries()
    page = visible(write_comparison(a, b))
    one, two = (json.loads((run / "summary.json").read_text())["metrics"] for run in (a, b))
    for group, split, key, name, better in [
        ("Test", "test", "bpd", "Bits per dimension", "B"),
        ("Test", "test", "elbo", "ELBO", "A"),
        ("Validation", "val", "bpd", "Bits per dimension", "A"),
        ("Validation", "val", "elbo", "ELBO", "A"),
    ]:
        x, y = one[f"{split}/{key}"], two[f"{split}/{key}"]
        first, second, away = cells(page, group, name)
        assert [number(first[0]), number(second[0])] == [x, y]
        assert number(away[0]) == y - x
        assert away[1:] == [better, "is", "better"]
    assert cells(page, "Test", "Mean squared error")[2] == ["0", "equal"]
    assert cells(page, "Test", "Rate") == [["\u2013"], ["5.250"], ["\u2013"]]
    assert "both are of split test, k = 100, data 01234567" in page
    assert "both are of split val, k = 4, data 01234567" in page
    assert "Not compared" not in page


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"data_digest": "fedcba"},
            "digest of the data is 0123456789abcdef for A and fedcba for B",
        ),
        ({"samples": {"val": 4, "test": 10}}, "samples k is 100 for A and 10 for B"),
    ],
)
def test_what_must_not_be_compared_has_its_reason_and_no_difference(summaries, changed, reason):
    page = visible(write_comparison(*summaries(b=changed)))
    test = page[page.index("<h3>Test</h3>") : page.index("<h3>Validation</h3>")]
    assert "<strong>Not compared.</strong>" in test
    assert reason in test
    assert "is better</small>" not in re.sub(r"<td class=\"unit\">.*?</td>", "", test)
    assert cells(page, "Test", "Bits per dimension") == [["2.125"], ["2"], ["\u2013"]]
    same_k = "samples" in changed  # of validation
    assert (len(cells(page, "Validation", "Bits per dimension")[2]) == 4) == same_k


def test_bits_are_compared_across_fits_and_nats_are_not(summaries):
    a, b = summaries(b={"fit": "density"})
    test = compare_scores((a, b), (read_run(a), read_run(b)))[0]
    rows = {row.metric.name: row for row in test.rows}
    assert rows["bpd"].better == "B"
    assert (rows["elbo"].difference, rows["elbo"].better) == ("", "")
    assert "fit" in rows["elbo"].note


def test_one_evaluation_asks_for_the_other(summaries, evaluate):
    a, b = summaries()
    evaluate(comparable={"split": "test", "k": 100, "digest": "x"})
    page = visible(write_comparison(a, b))
    assert "B has no evaluation.json: vael evaluate" in page
    shutil.copy(a / "evaluation.json", b)
    page = visible(write_comparison(a, b))
    assert "both are of split test, k = 100, data x" in page
    assert cells(page, "Evaluation", "Bits per dimension")[2] == ["0", "equal"]
    assert number(cells(page, "Evaluation", "Negative log-likelihood")[0][0]) == 90.56


def test_settings_commands_seeds_and_pictures_are_beside_each_other(summaries):
    a, b = summaries()
    (b / "images" / "samples.png").unlink()
    page = visible(write_comparison(a, b))
    settings = page[page.index("Settings that differ") : page.index("<h2>Curves")]
    assert re.findall(r"<code>(.*?)</code>", settings) == ["objective.beta"]
    assert re.findall(r"<td class=\"differs\">(.*?)</td>", settings) == ["0.5", "4"]
    equal = 1 + 1 + 1 + 3 + 2 + 1 + 4  # name seed model likelihood evaluation data choices
    assert f"The other {equal} settings are equal." in settings
    assert "<code>python train.py objective.beta=0.5</code>" in page
    assert "<code>python train.py objective.beta=4</code>" in page
    environment = page[page.index("Environment</h2>") :]
    assert re.search(
        r"seed</th> <td class=\"differs\">3</td> <td class=\"differs\">8</td>", environment
    )
    assert page.count("data:image/png;base64,") == 3
    assert page.count("This run has left no such picture.") == 1


def test_curves_of_both_are_in_one_figure(summaries):
    a, b = summaries()
    plots = overlay_plots((read_run(a), read_run(b)))
    bits = plots[0]["data"]
    assert [(t["name"], t["x"], t["y"]) for t in bits] == [
        ("A val/bpd", [1, 2, 3], [3.5, 2.5, 2.25]),
        ("B val/bpd", [1, 2, 3], [3.5, 2.5, 2.5]),
    ]
    assert bits[0]["colour"] != bits[1]["colour"]
    path = plots[-1]["data"]
    assert [(t["name"], t["x"][-1], t["y"][-1]) for t in path] == [
        ("A val", 11.5, 95),
        ("B val", 7.5, 97),
    ]
    (b / "metrics.csv").write_text("step,train/loss\n10,100\n30,90\n")  # knows no epochs
    loss = next(p for p in overlay_plots((read_run(a), read_run(b))) if "loss" in p["title"])
    assert loss["layout"]["xaxis"]["title"] == "step"
    by_name = {trace["name"]: trace["x"] for trace in loss["data"]}
    assert by_name["A train/loss"] == [10, 20, 30]
    assert by_name["B train/loss"] == [10, 30]


def test_what_files_say_is_text(summaries):
    evil = "<script>alert(1)</script>"
    a, b = summaries(
        b={
            "command": evil,
            "reason": evil,
            "status": evil,
            "git_sha": evil,
            "data_digest": evil,
            "metrics": {f"test/{evil}": 1.0},
        }
    )
    (b / "config.yaml").write_text((b / "config.yaml").read_text() + f"'{evil}': '{evil}'\n")
    text = write_comparison(a, b).read_text()
    assert "alert(1)" in text
    assert evil not in text
    assert "other <b>" not in text
    assert "other &lt;b&gt;" in text


def test_an_unfinished_run_says_so(summaries):
    a, b = summaries()
    (b / "summary.json").unlink()
    page = visible(write_comparison(a, b))
    assert "<strong>unfinished.</strong>" in page
    assert "B has no test scores in its summary.json." in page


def call(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_the_command_says_where_the_page_is(summaries, tmp_path):
    a, b = summaries()
    before = {path for run in (a, b) for path in run.rglob("*")}
    done = call(a, b)
    assert (done.exit_code, done.stdout.strip()) == (0, str(a / "report_vs_other <b>.html"))
    assert {path for run in (a, b) for path in run.rglob("*")} - before == {
        a / "report_vs_other <b>.html"
    }
    done = call(a, b, "--output", tmp_path / "deep" / "both.html")
    assert done.stdout.strip() == str(tmp_path / "deep" / "both.html")
    assert (tmp_path / "deep" / "both.html").read_bytes() == next(
        a.glob("report_vs_*")
    ).read_bytes()
    assert call(a).stdout.strip() == str(a / "report.html")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{a}", "{t}"], "is not a run, but holds some: .*/run"),
        (["{a}", "{t}/nowhere"], "nowhere is not a run"),
        (["{a}", "{b}/../run"], "are the same run"),
        (["{a}", "{t}/sweep"], "sweep is a sweep, and two runs"),
        (["{t}/sweep", "{a}"], "sweep is a sweep, and two runs"),
        (["{a}", "{b}", "--output", "{a}/config.yaml"], "must be a file that ends in .html"),
        (["{a}", "{b}", "--output", "{t}"], "must be a file that ends in .html"),
        (["{a}", "{b}", "{a}"], "one run or two, got 3"),
        (["{a}", "--output", "{t}/x.html"], "--output is for two runs"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(summaries, tmp_path, arguments, said):
    a, b = summaries()
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.yaml").write_text("{}\n")
    before = sorted(tmp_path.rglob("*"))
    done = call(*(text.format(a=a, b=b, t=tmp_path) for text in arguments))
    assert done.exit_code
    assert re.search(said, str(done.exception))
    assert "\n" not in str(done.exception)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_config_that_lacks_its_data_is_named(summaries):
    a, b = summaries()
    (b / "config.yaml").write_text("seed: 3\n")
    with pytest.raises(ConfigError, match="is not what vael writes"):
        write_comparison(a, b)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_page_renders(browser, summaries, width, scheme):
    a, b = summaries()
    screen(browser, width, scheme)
    plotted(browser, write_comparison(a, b, a.parent / "both.html"))
    assert browser.get_log("browser") == []
    look = browser.execute_script("""
        const all = (s) => [...document.querySelectorAll(s)];
        return {
            wide: document.documentElement.scrollWidth,
            lines: all('.plot')[0].querySelectorAll('.line').length,
            pictures: all('figure img').map((i) => i.naturalWidth),
            beside: all('#pictures .pair')[0] && [...new Set([...all('#pictures .pair')[0]
                .querySelectorAll('figure')].map((f) => f.getBoundingClientRect().top))].length,
            cut: all('#numbers .number').filter((cell) => cell.scrollWidth > cell.clientWidth + 1)
                .map((cell) => cell.textContent),
            page: getComputedStyle(document.body).backgroundColor,
        };""")
    assert look["wide"] == width
    assert look["lines"] == 2
    assert len(look["pictures"]) == 4
    assert min(look["pictures"]) > 0
    assert look["beside"] == (1 if width == 1280 else 2)
    assert look["cut"] == []
    dark = sum(map(int, re.findall(r"\d+", look["page"])[:3])) < 180
    assert dark == (scheme == "dark")
