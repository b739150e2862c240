"""Which numbers may stand side by side, and in which words others are refused."""

import json

import pytest
from helpers.runs import make_run

from vael.errors import ConfigError
from vael.runs.comparability import NotComparableError, check_comparable, collect_facts
from vael.runs.comparison import compare_runs

IMAGES = {
    "split": "test",
    "k": 100,
    "score": "bpd",
    "digest": "aa",
    "binarize": "none",
    "levels": 256,
    "num_dims": 784,
    "family": "gaussian",
}
TABLE = {**IMAGES, "score": "nll", "levels": None}


def differing(base, **changes):
    return collect_facts(**base), collect_facts(**{**base, **changes})


REFUSED = {
    "split": (differing(IMAGES, split="val"), "split is test for A and val for B"),
    "k": (differing(IMAGES, k=1000), "importance samples k is 100 for A and 1000 for B"),
    "levels": (differing(IMAGES, levels=2), "levels per dimension is 256 for A and 2 for B"),
    "binarize": (differing(IMAGES, binarize="threshold"), "binarisation is none for A"),
    "D": (differing(IMAGES, num_dims=3072), "dimensions D is 784 for A and 3072 for B"),
    "digest": (differing(IMAGES, digest="bb"), "digest of the data is aa for A and bb for B"),
    "tables": (differing(TABLE, family="student_t"), "family is gaussian for A and student_t"),
    "scores": (differing(IMAGES, score="nll"), "score is bpd for A and nll for B"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_must_not_be_compared_is_refused_with_the_reason(case):
    (a, b), reason = REFUSED[case]
    with pytest.raises(NotComparableError, match=reason) as caught:
        check_comparable(a, b, ("A", "B"))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_families_may_be_compared_where_they_all_score_the_same_levels():
    check_comparable(*differing(IMAGES, family="bernoulli"))
    check_comparable(*differing(TABLE))


def evaluated(folder, nll, fit="mass", **changes):
    folder.mkdir()
    known = collect_facts(**{**IMAGES, **changes})
    (folder / "evaluation.json").write_text(
        json.dumps(
            {
                "comparable": known,
                "samples": known["k"],
                "fit": fit,
                "family": "gaussian",
                "bounds": {"1": {"nll": 0}, str(known["k"]): {"nll": nll}},
                "scores": {"elbo": -7.5},
            }
        )
    )
    return folder


def test_runs_side_by_side(tmp_path):
    runs = [evaluated(tmp_path / "a", 11.25), evaluated(tmp_path / "b", 12.5)]
    rows = {line.split()[0]: line.split()[1:] for line in compare_runs(runs).splitlines() if line}
    assert rows["nll"] == ["11.2500*", "12.5000", "nats,", "lower", "is", "better"]
    assert rows["elbo"] == ["-7.5000", "-7.5000", "nats,", "higher", "is", "better"]


def summed_up(folder, family, fit):
    folder.mkdir()
    (folder / "summary.json").write_text(
        json.dumps(
            {
                "status": "finished",
                "metrics": {"test/elbo": -7.5, "test/bpd": 2.0},
                "samples": {"test": 100},
                "target": "val/bpd",
                "data_digest": "aa",
                "fit": fit,
                "family": family.rpartition(".")[2].lower(),
            }
        )
    )
    (folder / "config.yaml").write_text(
        f"data: {{binarize: none}}\nlikelihood: {{_target_: vael.{family}, fit: {fit}}}\n"
    )
    return folder


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("a.Gaussian", "mass"), ("b.Laplace", "mass"), True),
        (("a.Gaussian", "mass"), ("a.Gaussian", "density"), False),
        (("a.Gaussian", "density"), ("a.Gaussian", "density"), True),
        (("a.Gaussian", "density"), ("b.Laplace", "density"), False),
    ],
)
def test_nats_of_another_fit_say_so_and_bits_do_not(tmp_path, one, other, same):
    runs = [summed_up(tmp_path / "a", *one), summed_up(tmp_path / "b", *other)]
    rows = {line.split()[0]: line for line in compare_runs(runs).splitlines() if line}
    assert rows["bpd"].split()[:3] == ["bpd", "2.0000", "2.0000"]
    assert rows["bpd"].endswith("bits/dim, lower is better")
    assert ("likelihood.fit" in rows) == (one[1] != other[1])
    assert ("not compared: the trained fit" in rows["elbo"]) != same
    evaluated_too = [evaluated(tmp_path / "c", 1.0, fit=one[1]), evaluated(tmp_path / "d", 1.0)]
    assert ("not compared" in compare_runs(evaluated_too)) == (one[1] == "density")


def test_runs_that_must_not_be_compared(tmp_path):
    runs = [evaluated(tmp_path / "a", 1.0), evaluated(tmp_path / "b", 1.0, k=10)]
    with pytest.raises(NotComparableError, match=f"k is 100 for {runs[0]} and 10 for {runs[1]}"):
        compare_runs(runs)


def test_a_run_without_numbers(tmp_path):
    (tmp_path / "empty").mkdir()
    one = evaluated(tmp_path / "a", 1.0)
    with pytest.raises(ConfigError, match=r"empty is not a run: it has no config"):
        compare_runs([one, tmp_path / "empty"])
    runs = [one, make_run(tmp_path, "name=bare")]
    with pytest.raises(ConfigError, match=r"\S+ has no evaluation\.json: vael evaluate"):
        compare_runs(runs)
    with pytest.raises(ConfigError, match="two runs or more"):
        compare_runs(runs[:1])
    with pytest.raises(ConfigError, match="nowhere does not exist"):
        compare_runs([runs[0], tmp_path / "nowhere"])


def test_runs_without_a_test_are_compared_by_their_validation(tmp_path):
    for name, bpd in (("a", 2.0), ("b", 1.5)):
        folder = summed_up(tmp_path / name, "m.Gaussian", "mass")
        summary = json.loads((folder / "summary.json").read_text())
        summary |= {"metrics": {"val/bpd": bpd}, "samples": {"val": 4}}
        (folder / "summary.json").write_text(json.dumps(summary))
    text = compare_runs([tmp_path / "a", tmp_path / "b"])
    assert "split val, k = 4" in text
    assert "1.5000*" in text
