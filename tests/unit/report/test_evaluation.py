import json
import re
from dataclasses import fields

import pytest

from vael.metrics.aggregate_posterior import Aggregate
from vael.metrics.latent_activity import Spectrum
from vael.metrics.neighbourhoods import Neighbourhoods
from vael.metrics.probe import LabelProbe
from vael.metrics.reconstruction import Reconstruction
from vael.metrics.sample_quality import Distances, SampleQuality
from vael.report.charts import plot_evaluation
from vael.report.contents import read_run
from vael.report.evaluation import format_with_error, tabulate_evaluation
from vael.report.page import write_report


def visible(run) -> str:
    """The report without scripts and styles, in one line."""
    text = write_report(run).read_text()
    return re.sub(r"<script>.*?</script>|<style>.*?</style>|\s+", " ", text, flags=re.S)


def cells(page: str, name: str) -> str:
    """The text of the row of this name."""
    page = page[page.index("Evaluation</h2>") :]
    row = re.search(rf"<tr> <th[^>]*>{re.escape(name)}</th>(.*?)</tr>", page)
    assert row, f"no row {name}"
    return re.sub(r"<[^>]*>| +", " ", row[1])


def read(run):
    return read_run(run).evaluation


def test_the_section_has_every_number_with_its_error_and_meaning(run, evaluate):
    evaluate()
    page = visible(run)
    assert "<h2>Evaluation</h2>" in page
    assert page.index("Numbers</h2>") < page.index("Evaluation</h2>") < page.index("Pictures</h2>")
    assert re.findall(r"<tr> <th scope=\"row\">([\d,]+)</th>", page) == ["1", "10", "100"]
    assert "90.56 \u00b1 0.81" in cells(page, "100")
    assert "2.031 \u00b1 0.016" in cells(page, "100")
    assert "\u221293.75" in cells(page, "ELBO")
    assert "0.1 \u00b1 1.1" in cells(page, "Overfitting gap")
    assert "23.25 (least 1.500)" in cells(page, "Effective samples")
    assert "Fewer than 10: 25% of the examples" in cells(page, "Effective samples")
    assert "It is no bound" in cells(page, "Jackknife")
    assert "0.312 \u00b1 0.031" in cells(page, "\u2026 bias left")
    assert "2 of 3" in cells(page, "Active units")
    assert "above 0.01" in cells(page, "Active units")
    information = cells(page, "Mutual information")
    assert "5.062 \u00b1 0.016" in information
    assert "saturated" in information
    assert "180 examples, 16 draws" in information
    assert "log N = 5.193" in information
    assert "6.00 \u00b1 0.12" in cells(page, "KL(q(z) || p(z))")
    assert "0.3750" in cells(page, "Correlation in q(z|x)")
    assert "7x7, uniform" in cells(page, "Structural similarity")
    assert "90 against 90 examples" in cells(page, "Fr\u00e9chet distance")
    assert "0.1250" in cells(page, "\u2026 of data to data")
    assert "Data to data: 0.0312" in cells(page, "Kernel distance (KID)")
    assert "0.8750" in cells(page, "Precision")
    assert "5 nearest" in cells(page, "Precision")
    assert "Data to data: 0.9688" in cells(page, "Coverage")
    assert "1.125" in cells(page, "Density")
    assert "torch-fidelity is not installed" in cells(page, "Fr\u00e9chet Inception distance")
    assert "1,455 training examples" in cells(page, "Linear probe")
    assert "5 nearest" in cells(page, "Nearest neighbours")
    assert "0.1000" in cells(page, "Majority class")
    assert "<strong>Note.</strong> The mutual information is saturated" in page
    assert "vael evaluate RUN --split test --samples 100" in page


def test_active_units_are_those_of_all_layers(run, evaluate):
    layers = {"rate_z2": 1.0, "active_units_z2": 2, "rate_z1": 3.25, "active_units_z1": 5}
    evaluate(latents={"layers": layers, "spectrum": {"active_units": 2, "variance": [1, 2, 3]}})
    page, names = visible(run), [f"Active units{of}" for of in ("", " of z2", " of z1")]
    assert [cells(page, name).split()[0] for name in names] == ["7", "2", "5"]
    assert cells(page, "Rate of z1").split()[0] == "3.250"


def test_without_an_evaluation_there_is_no_section(run):
    assert "Evaluation</h2>" not in visible(run)


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "{",
        "[1]",
        "null",
        "{}",
        '{"bounds": 3}',
        '{"bounds": {"x": 1, "-1": {}}}',
        "[" * 10_000,
        '{"scores": null, "latents": [1]}',
        '{"warnings": "x"}',
        "\x00",
    ],
)
def test_a_broken_file_is_no_section(run, rubbish):
    (run / "evaluation.json").write_text(rubbish)
    assert "Evaluation</h2>" not in visible(run)


@pytest.mark.parametrize(
    "changes",
    [
        {"latents": {}, "quality": {}, "probe": {}},
        {"latents": {"spectrum": {"kl": None, "variance": "x", "active_units": []}}},
        {"latents": {"spectrum": {"kl": [1, "x"], "variance": [1], "threshold": 0.01}}},
        {"bounds": {"1": {"nll": float("nan"), "nll_se": None}, "10": 3, "9" * 400: {"nll": 1}}},
        {"bounds": {"1": {"bpd": 10**400}, "10": {"bpd": float("-inf"), "bpd_se": -1}}},
        {"jackknife": None, "ess": None, "warnings": None, "command": 5, "target": ["bpd"]},
        {"scores": {"elbo": True, "rate": "1", "gap": [1]}},
    ],
)
def test_any_part_may_be_missing_or_wrong(run, evaluate, changes):
    evaluate(**changes)
    page = visible(run)
    assert "Evaluation</h2>" in page
    for plot in plot_evaluation(read(run)):
        json.dumps(plot, allow_nan=False)


def test_a_hostile_file_is_text(run, evaluate):
    evil = "<script>alert(1)</script>"
    evaluate(
        split=evil,
        device=evil,
        command=evil,
        warnings=[evil, "<b>"],
        target=evil,
        quality={
            "frechet": {"features": evil, "distance": 1.0},
            "inception": evil,
            "reconstruction": {"ssim": 0.5, "ssim_window": evil},
        },
        bounds={evil: {"nll": 1.0}, "1": {"nll": 2.0}},
    )
    text = write_report(run).read_text()
    assert evil not in text
    assert evil.replace("<s", "<S", 1) not in text
    assert text.count("&lt;script&gt;alert(1)") >= 5


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (86.7612, 0.0234, "86.761 \u00b1 0.023"),
        (-3.14159, 0.5, "\u22123.14 \u00b1 0.50"),
        (12345.678, 12.3, "12,346 \u00b1 12"),
        (0.5, 0.0001, "0.50000 \u00b1 0.00010"),
        (2.5, None, "2.500"),
        (2.5, 0.0, "2.500"),
        (2.5, float("nan"), "2.500"),
        (float("nan"), 1.0, "nan"),
    ],
)
def test_a_number_has_the_digits_that_its_error_leaves(value, error, text):
    assert format_with_error(value, error) == text


def test_the_bound_falls_with_k_between_two_standard_errors(run, evaluate):
    evaluate()
    bound, _ = plot_evaluation(read(run))
    (trace,) = bound["data"]
    assert trace["x"] == [1, 10, 100]
    assert trace["y"] == [2.125, 2.0625, 2.03125]
    assert trace["error"] == [0.0625, 0.04, 0.03125]
    assert bound["layout"]["xaxis"]["type"] == "log"
    assert "Bits per dimension" in bound["title"]


def test_data_without_levels_shows_its_nats(run, evaluate):
    bounds = {"1": {"nll": 5.0, "nll_se": 0.5}, "10": {"nll": 4.0, "nll_se": 0.25}}
    evaluate(target="nll", bounds=bounds)
    bound = plot_evaluation(read(run))[0]
    assert bound["data"][0]["y"] == [5.0, 4.0]
    assert "log-likelihood" in bound["title"]
    assert "\u2013" in cells(visible(run), "10")  # no bits


def test_a_single_bound_is_no_curve(run, evaluate):
    evaluate(bounds={"1": {"nll": 5.0, "nll_se": 0.5}}, target="nll")
    (only,) = plot_evaluation(read(run))
    assert only["title"] == "KL to the prior by latent dimension"


def test_the_spectrum_is_sorted_and_tells_active_dimensions(run, evaluate):
    evaluate()
    active, idle = plot_evaluation(read(run))[1]["data"]
    assert (active["x"], active["y"]) == ([1, 2], [2.5, 0.25])
    assert [text.split(":")[0] for text in active["text"]] == ["z1", "z0"]
    assert (idle["x"], idle["y"]) == ([3], [0.0])
    assert active["name"].startswith("2 active")
    assert idle["name"] == "1 not active"
    spectrum = {"kl": [1, 2], "variance": [1, 1], "threshold": 0.01}
    evaluate(latents={"spectrum": {**spectrum, "names": ["z0[0,0]", "z0[0,1]"]}})
    plot = plot_evaluation(read(run))[1]
    assert plot["layout"]["xaxis"]["ticktext"] == ["z0[0,1]", "z0[0,0]"]


def test_without_a_closed_form_the_spectrum_is_that_of_the_means(run, evaluate):
    evaluate(latents={"spectrum": {"kl": None, "variance": [0.5, 1.5], "threshold": 0.01}})
    plot = plot_evaluation(read(run))[1]
    assert plot["title"] == "Variance of the posterior mean by latent dimension"
    assert plot["data"][0]["y"] == [1.5, 0.5]


def test_what_vael_evaluate_hands_over_is_what_is_shown(evaluation):
    """The names of the diagnostics' own records, so that no rename can empty a row."""
    latents, quality = evaluation["latents"], evaluation["quality"]
    for record, shown in (
        (Spectrum, latents["spectrum"]),
        (Aggregate, latents["aggregate"]),
        (Reconstruction, quality["reconstruction"]),
        (LabelProbe, evaluation["probe"]),
    ):
        assert shown.keys() <= {field.name for field in fields(record)}
    none, nobody = Distances(0, 0, 0), Neighbourhoods(0, 0, 0, 0)
    sections = SampleQuality(none, none, nobody, nobody, "", 0, 0).sections()
    for name, section in sections.items():
        assert quality[name].keys() == section.keys()
    assert len(tabulate_evaluation(evaluation).groups) == 4
