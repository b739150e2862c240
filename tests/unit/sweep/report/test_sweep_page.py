import re
import statistics
from html.parser import HTMLParser

import pytest

from vael.sweep.report.contents import read_sweep
from vael.sweep.report.facts import list_facts, spread_text
from vael.sweep.report.tables import choose_pictured, group_endings
from vael.sweep.report.verdict import plot_differences, plot_scores
from vael.sweep.study.ranking import Goal

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """The text of a page outside of scripts; an unbalanced tag is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.texts, self.images, self.tags = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page_of(made) -> Page:
    return Page(made.write().read_text())


def facts_of(made):
    sweep = read_sweep(made.folder, made.goal, made.table(), "", [])
    return {fact.name: fact for fact in list_facts(sweep)}


def test_the_page_says_what_came_out(small):
    page = page_of(small)
    for words in (
        "tiny",
        "val/bpd (lower is better)",
        "7 of 8",
        "Best val/bpd 2.0000",
        "k = 4",
        "trial 2",
        "latent_dim=8 beta=1 likelihood=gaussian scale=shared",
        "5 complete, 1 pruned, 1 failed, 1 running.",
        "python train.py trial=2",
        "the loss is nan at step 7",
        "not among the best half after 3 epochs",
        "14 s",
        "at least 10 complete trials; so far: 5",
    ):
        assert words in page.text, words
    assert "train.py trial=1" not in page.text


def test_the_pictures_are_those_of_the_best_three(small):
    captions = [image["alt"] for image in page_of(small).images]
    assert captions == [
        f"{name} of {number} <i>"
        for number in (2, 4, 1)
        for name in ("reconstructions", "samples")
    ]


def test_the_winners_curse_is_the_mean_of_fresh_seeds_less_the_searchs_best(small):
    found = facts_of(small)
    assert found["val/bpd on fresh seeds"].value == "2.0200 \u00b1 0.0141"  # 0.02 / sqrt(2)
    assert found["Winner's curse"].value == "0.0200"
    assert "worse by this" in found["Winner's curse"].meaning
    assert "within the spread" not in found["Winner's curse"].meaning
    assert found["test/bpd on fresh seeds"].value == "2.1450 \u00b1 0.0141"
    assert "11, 12" in found["val/bpd on fresh seeds"].meaning


@pytest.mark.parametrize(
    ("direction", "fresh", "curse", "words"),
    [
        ("minimize", (1.75, 1.875), "\u22120.1875", "not worse"),
        ("maximize", (1.75, 1.875), "0.1875", "worse by this"),
        ("maximize", (2.5, 2.0, 1.25), "0.0833", "within the spread"),
    ],
)
def test_the_curse_has_the_sign_of_the_direction(fake, direction, fresh, curse, words):
    made = fake(Goal("x", ("val/elbo",), (direction,), None))
    made.add([2.0], model__latent_dim=4)
    for seed, value in enumerate(fresh):
        made.confirm(seed, {"val/elbo": value})
    found = facts_of(made)
    assert found["Winner's curse"].value == curse
    assert words in found["Winner's curse"].meaning


def test_a_confirmation_that_failed_is_named_and_not_averaged(small):
    small.confirm(13, {"val/bpd": 99.0}, "failed", "CUDA out of memory")
    found = facts_of(small)
    assert found["val/bpd on fresh seeds"].value == "2.0200 \u00b1 0.0141"
    assert "1 failed. CUDA out of memory" in found["Runs on fresh seeds"].meaning


def test_spread():
    values = [-101.25, -99.5, -100.125]
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    assert spread_text(values) == f"\u2212{-mean:.2f} \u00b1 {deviation:.2f}"
    assert spread_text([2.0]) == "2.0000"


def test_a_sweep_without_trials_is_sentences(fake):
    page = page_of(fake())
    assert "No trial is complete yet" in page.text
    assert "history needs at least two" in page.text
    assert page.tags.count("figure") == 0
    assert "makeAxis" not in fake().write().read_text()


@pytest.mark.parametrize("state", ["COMPLETE", "FAIL", "PRUNED", "RUNNING", "WAITING"])
def test_a_sweep_of_one_trial_has_a_page(fake, state):
    made = fake()
    values = [2.5] if state in ("COMPLETE", "PRUNED") else None
    made.add(values, state, model__latent_dim=4)
    assert ("No trial is complete" in page_of(made).text) == (state != "COMPLETE")


def test_trials_whose_folders_are_gone_still_have_their_row(small):
    for path in small.folder.rglob("*.json"):
        path.write_text('{"status": "fin')
    for path in small.folder.rglob("config.yaml"):
        path.unlink()
    page = page_of(small)
    assert "Best val/bpd 2.0000" in page.text
    assert "likelihood unknown" in page.text


def test_hostile_names_are_text(fake, evil):
    made = fake(Goal(evil, ("val/bpd",), ("minimize",), 3))
    made.folder = made.folder.parent / "plain"
    for i in range(12):
        made.add(
            [2.0 + i],
            family=evil,
            fit=evil,
            picture=True,
            **{evil: evil + "2" * (i % 2)},
            model__latent_dim=4 + i,
            objective__beta=1.0 + i,
            reason=evil,
            metrics={"val/rate": 1.0 + i, "val/distortion": 3.0 - i},
        )
    made.add(None, "FAIL", evil, **{evil: evil})
    made.add([3.0], "PRUNED", evil, **{evil: evil})
    made.confirm(1, {"val/bpd": 2.0}, evil, evil)
    for path in made.folder.rglob("config.yaml"):
        path.write_text(path.read_text().replace("python train.py", evil))
    html = made.write().read_text()
    assert html.count("alert(1)") > 20
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert {image["src"][:5] for image in Page(html).images} == {"data:"}
    # the figures travel as JSON, whose markup is escaped; plot.js writes plain text
    figures = html[html.index('id="figures">') : html.index("</script>", html.index('id="fig'))]
    assert "<img" not in figures
    assert "\\u003cimg" in figures


def test_nothing_is_loaded_from_elsewhere(small):
    html = re.sub(
        r"<script>.*?</script>|<style>.*?</style>", "", small.write().read_text(), flags=re.S
    )
    loading = r"(?:src=\"(?!data:)|href=\"(?!data:|trials/))[^\"]*\"|url\(|@import"
    assert re.findall(loading, html) == []
    assert "default-src 'none'" in html


def test_endings_are_grouped_by_reason_up_to_their_numbers(fake):
    made = fake()
    for step in (7, 12, 123):
        made.add(None, "FAIL", f"the loss is nan at step {step}, 1.5e-3")
    made.add(None, "FAIL", "out of memory")
    made.add([3.0], "PRUNED", "worse at epoch 3")
    made.add([2.0], model__latent_dim=3)
    found = [(e.state, e.count, e.reason, e.trials) for e in group_endings(made.table())]
    assert found == [
        ("failed", 3, "the loss is nan at step 7-123, 1.5e-3", "0, 1, 2"),
        ("failed", 1, "out of memory", "3"),
        ("pruned", 1, "worse at epoch 3", "4"),
    ]


def test_of_a_front_the_ends_and_the_middle_are_pictured(fake):
    goal = Goal("two", ("val/rate", "val/distortion"), ("minimize", "minimize"), None)
    made = fake(goal)
    for i in range(7):
        made.add([float(i), 10.0 - i], model__latent_dim=3 + i)
    made.add([9.0, 9.5], model__latent_dim=3)
    sweep = read_sweep(made.folder, goal, made.table(), "", [])
    assert [row.number for row in choose_pictured(sweep)] == [0, 3, 6]
    assert "Pareto front 7" in page_of(made).text


def test_the_verdict_is_said_and_drawn(small, judged):
    found = judged(["gaussian", "bernoulli", "laplace"])
    html = small.write([found, "verdict on prior: there is nothing to compare."]).read_text()
    text = Page(html).text
    assert "likelihood: gaussian needs 0.1" in text
    assert "bits/dim less than bernoulli (95 % for all 3 pairs at once; 3 seeds x 20" in text
    assert "best found of 20 and 18 trials" in text
    assert "verdict on prior: there is nothing to compare." in text
    assert "+-" not in text
    figure = plot_differences(found)
    whole, seeds, points, _ = figure.plot["data"]
    for i, name in enumerate(("bernoulli", "laplace"), 1):
        d = found.differences[0, i]
        at = whole["y"].index(name)
        assert whole["x"][at : at + 2] == [d.mean - d.half_width, d.mean + d.half_width]
        assert seeds["x"][at : at + 2] == [d.mean - d.of_seeds, d.mean + d.of_seeds]
        assert points["x"][i - 1] == d.mean
    low, high = figure.plot["layout"]["xaxis"]["range"]
    assert low < 0 < high
    assert len(figure.plot["layout"]["xaxis"]["tickvals"]) >= 3, "on a narrow screen, too"
    assert all(low < x < high for x in whole["x"] if x is not None)


def test_scores_of_one_seed_are_joined(judged):
    found = judged(["a", "b"])
    lines = [t for t in plot_scores(found).plot["data"] if t["mode"] == "lines"]
    assert [line["x"] for line in lines] == [
        [c.scores[i] for c in found.contenders[::-1]] for i in range(3)
    ]


def test_runs_of_other_trials_are_no_scores_of_the_best(small):
    before = facts_of(small)
    run = small.folder / "confirm" / "0099"
    run.mkdir()
    (run / "confirms.json").write_text('{"trial": 1, "seed": 99}')
    (run / "summary.json").write_text('{"status": "finished", "metrics": {"val/bpd": 9.0}}')
    assert facts_of(small) == before
