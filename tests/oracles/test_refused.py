"""Numbers that must not be compared are refused with the reason, by the command line too."""

import re

import pytest
from helpers.commands import vael
from helpers.runs import trained_run

from vael.runs.comparability import NotComparableError, check_comparable, collect_facts

KNOWN = {
    "split": "test",
    "k": 100,
    "score": "bpd",
    "digest": "a",
    "binarize": "none",
    "levels": 17,
    "num_dims": 64,
    "family": "gaussian",
}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"k": 4}, r"number of importance samples k is 100 for one and 4 for the other"),
        ({"levels": 256, "digest": "b"}, "levels per dimension is 17 .* and 256"),
        ({"binarize": "threshold", "digest": "b"}, "binarisation is none .* and threshold"),
        ({"split": "val"}, "split is test .* and val"),
        ({"num_dims": 784, "digest": "b"}, "dimensions D is 64 .* and 784"),
        ({"digest": "b"}, "digest of the data is a .* and b"),
    ],
)
def test_other_facts_are_refused(changed, reason):
    with pytest.raises(NotComparableError, match=reason):
        check_comparable(collect_facts(**KNOWN), collect_facts(**{**KNOWN, **changed}))


def test_families_are_ranked_by_bpd_and_not_by_the_density_of_a_table():
    check_comparable(collect_facts(**KNOWN), collect_facts(**{**KNOWN, "family": "laplace"}))
    table = {**KNOWN, "score": "nll", "levels": None}
    check_comparable(collect_facts(**table), collect_facts(**table))
    with pytest.raises(NotComparableError, match=r"likelihood family is gaussian .* and laplace"):
        check_comparable(collect_facts(**table), collect_facts(**{**table, "family": "laplace"}))


def compare(*folders):
    done = vael("compare", *map(str, folders))
    return done.returncode, done.stdout, done.stderr


def trained(parent, *overrides):
    return trained_run(parent, "trainer.max_epochs=1", "data.limit=150", *overrides)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("table"), "data=breast_cancer")


def test_other_beta_and_likelihood_on_the_same_data_are_shown(reference, tmp_path):
    other = trained(tmp_path, "likelihood=bernoulli", "objective.beta=4")
    code, out, _ = compare(reference, other)
    assert code == 0
    assert "bpd" in out


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["evaluation.test_samples=7"], "importance samples k is 5 for .* and 7 for"),
        (["data.binarize=threshold"], "binarisation is none for .* and threshold for"),
        (["data.split_seed=1"], "digest of the data .* their split"),
        (["data.image_size=12"], "digest of the data"),
        (["data=breast_cancer"], "digest of the data|score is bpd"),
    ],
    ids=["k", "binarisation", "split", "levels and D", "table"],
)
def test_the_command_refuses_in_one_line(reference, tmp_path, overrides, reason):
    code, out, err = compare(reference, trained(tmp_path, *overrides))
    assert code == 2
    assert not out
    assert err.count("\n") == 1
    assert re.search(reason, err), err


def test_the_command_refuses_families_on_a_table(table, tmp_path):
    code, _, err = compare(table, trained(tmp_path, "data=breast_cancer", "likelihood=laplace"))
    assert code == 2
    assert "likelihood family is gaussian for" in err
    assert "laplace for" in err
    assert err.count("\n") == 1
