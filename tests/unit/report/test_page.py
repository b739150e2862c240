import json
import re

import pytest

from vael.errors import ConfigError
from vael.report.charts import plot_history
from vael.report.page import write_report
from vael.runs.metrics_csv import read_history


def visible(run) -> str:
    """The report without scripts, styles and pictures."""
    text = write_report(run).read_text()
    text = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", text, flags=re.S)
    return re.sub(r"base64,[^\"]*", "base64,", text)


def test_the_report_says_what_was_trained_and_what_came_out(run):
    page = visible(run)
    assert "<h1>conv_vae on digits</h1>" in page
    assert "<dt>beta</dt><dd>0.5</dd>" in page
    assert "<dt>fit</dt><dd>mass</dd>" in page
    assert "2.125" in page
    assert "\u221299.75" in page
    assert "k = 100" in page
    assert "python train.py objective.beta=0.5" in page
    assert "torch 2.13.0" in page
    assert page.count("<table") == 1
    assert page.count("data:image/png;base64,") == 2
    assert "What samples &lt;show&gt;." in page
    assert page.index("Reconstructions</h3>") < page.index("Samples</h3>")
    assert 'class="banner' not in page


def test_nothing_is_loaded_from_elsewhere(run):
    page = visible(run)
    assert re.findall(r"(?:src|href)=\"(?!data:)[^\"]*\"|url\(|@import", page) == []
    assert "default-src 'none'" in page


@pytest.mark.parametrize("status", ["failed", "interrupted", "pruned"])
def test_a_run_that_did_not_finish_says_why(run, edit_summary, status):
    edit_summary(status=status, reason="the loss is nan at step 7 <b>")
    page = visible(run)
    assert f"<strong>{status}.</strong>" in page
    assert "the loss is nan at step 7 &lt;b&gt;" in page


def test_warnings_are_shown(run, edit_summary):
    edit_summary(warnings=["the scale is at its bound"])
    assert "the scale is at its bound" in visible(run)


def test_a_hostile_name_is_text(run, edit_summary):
    evil = "<script>alert(1)</script>"
    config = (run / "config.yaml").read_text().replace("data: digits", f"data: '{evil}'")
    (run / "config.yaml").write_text(config)
    (run / "metrics.csv").write_text(f"step,epoch,val/bpd,lr{evil}\n1,0,2,3\n2,1,2,3\n")
    (run / "images" / "samples.png").rename(run / "images" / "<img src=x onerror=alert(1)>.png")
    edit_summary(
        command=evil,
        git_sha=evil,
        reason=evil,
        status=evil,
        warnings=[evil],
        versions={evil: evil},
        metrics={f"test/{evil}": 1.0, "test/bpd": 2.0},
    )
    text = write_report(run).read_text()
    assert "alert(1)" in text
    assert evil not in text
    assert "<img src=x" not in text
    assert "conv_vae on &lt;script&gt;" in text


def test_own_data_is_called_by_its_file(run):
    config = (run / "config.yaml").read_text().replace("data: digits", "data: array")
    (run / "config.yaml").write_text(f"{config}data:\n  path: /x/flowers.csv\n")
    assert "conv_vae on flowers" in visible(run)


@pytest.mark.parametrize(
    "missing",
    [
        ["summary.json"],
        ["metrics.csv"],
        ["images"],
        ["config.yaml"],
        ["summary.json", "metrics.csv", "images"],
        ["config.yaml", "summary.json", "images"],
    ],
)
def test_any_part_may_be_missing(run, missing):
    for name in missing:
        (run / name).rename(run / f"gone-{name}")
    page = visible(run)
    assert ("latest that were logged" in page) == (
        "summary.json" in missing and "metrics.csv" not in missing
    )
    assert ("<strong>unfinished.</strong>" in page) == ("summary.json" in missing)
    assert ("no curves" in page) == ("metrics.csv" in missing)
    assert ("no pictures" in page) == ("images" in missing)


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "{",
        "[1, 2]",
        "null",
        "\x00\xff\xfe",
        '{"metrics": 3}',
        '{"metrics": {"val/bpd": null, "test/bpd": "x"}}',
        '{"seconds": "x", "versions": 3, "warnings": "x"}',
    ],
)
def test_unreadable_parts_are_absent(run, rubbish):
    for name in ("summary.json", "metrics.csv", "config.yaml", "images/samples.png"):
        (run / name).write_text(rubbish)
    assert "<h1>" in visible(run)
    assert visible(run).count("data:image/png;base64,") == 1


def test_an_unfinished_run_shows_its_latest_numbers(run):
    (run / "summary.json").unlink()
    page = visible(run)
    assert "2.250" in page
    assert "not finished" in page


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is not a run folder"):
        write_report(tmp_path)
    with pytest.raises(ConfigError, match="is not a run folder"):
        write_report(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_writing_again_replaces_the_page_and_leaves_nothing_else(run):
    before = sorted(p.name for p in run.iterdir())
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert sorted(p.name for p in run.iterdir()) == sorted([*before, "report.html"])


def test_every_plot_is_there_as_json(run):
    made = plot_history(read_history(run / "metrics.csv"))
    assert made[0]["title"] == "Bits per dimension"
    assert made[-1]["title"] == "Path through the rate-distortion plane (val)"
    for plot in made:
        json.dumps(plot, allow_nan=False)
    path = made[-1]["data"][0]
    assert (path["x"], path["y"]) == ([8.5, 10.5, 11.5], [113, 101, 95])


def test_the_page_is_small(run):
    pictures = sum(path.stat().st_size for path in (run / "images").iterdir())
    assert write_report(run).stat().st_size < 1.4 * pictures + 80_000


def test_a_constant_is_not_drawn_as_zero(tmp_path):
    file = tmp_path / "metrics.csv"
    file.write_text("step,epoch,train/lr,train/beta\n1,0,0.001,0\n2,1,0.001,1\n")
    low, high = plot_history(read_history(file))[1]["layout"]["yaxis"]["range"]
    assert low == 0
    assert 0.001 < high < 0.002
    assert "range" not in plot_history(read_history(file))[0]["layout"]["yaxis"]


def test_the_objective_is_named_with_its_settings(run):
    config = (run / "config.yaml").read_text()
    geco = "objective: {_target_: vael.objectives.Geco, kappa: 0.1, speed: 0.01, num_samples: 1}"
    config = config.replace("objective: {beta: 0.5}", geco)
    (run / "config.yaml").write_text(config.replace("choices: {", "choices: {objective: geco, "))
    page = visible(run)
    assert "<dt>objective</dt><dd>geco, kappa 0.1, speed 0.01</dd>" in page
    assert "<dt>beta</dt>" not in page


@pytest.mark.parametrize(("metric", "fit"), [("bpd", "mass"), ("elbo", "density")])
def test_an_automatic_fit_is_named(run, edit_summary, metric, fit):
    config = (run / "config.yaml").read_text().replace("fit: mass", "fit: auto")
    (run / "config.yaml").write_text(config)
    (run / "metrics.csv").unlink()
    edit_summary(metrics={f"test/{metric}": -1.0}, fit=fit)
    assert f"<dt>fit</dt><dd>{fit}</dd>" in visible(run)


def test_a_loss_that_is_not_finite_is_a_gap(tmp_path):
    file = tmp_path / "metrics.csv"
    file.write_text("step,epoch,train/loss\n1,0,5\n2,1,nan\n3,2,inf\n")
    assert plot_history(read_history(file))[0]["data"][0]["y"] == [5, None, None]


def test_a_tag_in_the_name_of_a_series_is_text(tmp_path):
    file = tmp_path / "metrics.csv"
    file.write_text("step,epoch,lr<b>x\n1,0,5\n2,1,4\n")
    curve = plot_history(read_history(file))[0]["data"][0]
    assert curve["name"] == "lr<b>x"  # plot.js writes plain text
