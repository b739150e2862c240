"""Which family a column has: as it is given, or by its values; and what it cannot have."""

import numpy as np
import pytest

from vael.data.families import describe_families, find_families
from vael.data.module import VaelData
from vael.data.source import Arrays, Decoded
from vael.data.sources.array import ArrayFile
from vael.errors import ConfigError

N = 40
NAMES = ("size", "kind=x", "kind=y", "yes", "count", "year")


def table(**changed):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, N)
    columns = {
        "size": rng.normal(size=N),
        "kind=x": kind,
        "kind=y": 1 - kind,
        "yes": rng.integers(0, 2, N),
        "count": rng.poisson(3, N),
        "year": rng.integers(1990, 2020, N),
        **changed,
    }
    x = np.stack(list(columns.values()), 1).astype(np.float32)
    return Decoded(Arrays(x), None, columns=tuple(columns), missing="mask")


def test_families_are_found_by_the_values():
    found = find_families(table(), "auto")
    kinds = ["gaussian", "categorical", "categorical", "bernoulli", "gaussian", "gaussian"]
    assert found == tuple(zip(kinds, ["size", "kind", "kind", *NAMES[3:]], strict=True))
    assert describe_families(found) == (
        "likelihood by column: gaussian size, count, year; categorical kind; bernoulli yes"
    )


def test_what_is_given_wins_and_holes_are_no_values():
    yes, count = np.random.default_rng(1).integers(0, 2, N) * 1.0, np.full(N, 2.0)
    yes[3], count[5:9] = np.nan, np.nan
    data = table(yes=yes, count=count)
    asked = {"poisson": ["count"], "student_t": ["size"], "categorical": ["kind"]}
    found = [family for family, _ in find_families(data, asked)]
    assert found == [
        *("student_t", "categorical", "categorical", "bernoulli", "poisson", "gaussian")
    ]


def test_columns_without_names_are_numbered():
    data = Decoded(Arrays(table().train.x), None, missing="refuse")
    assert find_families(data, {"negative_binomial": [4]})[4] == ("negative_binomial", "4")


def test_one_family_is_that_of_all_columns():
    x = np.random.default_rng(0).poisson(2, (N, 3)).astype(np.float32)
    found = find_families(Decoded(Arrays(x), None), "negative_binomial")
    assert found == tuple(("negative_binomial", name) for name in "012")


@pytest.mark.parametrize(("shape", "kind"), [((N, 1, 4, 4), "images"), ((N, 2, 7), "series")])
@pytest.mark.parametrize("asked", ["auto", "poisson"])
def test_only_tables_have_columns(shape, kind, asked):
    data = Decoded(Arrays(np.zeros(shape, np.float32)), None)
    with pytest.raises(ConfigError, match=rf"column of a table, but this data is of {kind}"):
        find_families(data, asked)


@pytest.mark.parametrize(
    ("asked", "changed", "said"),
    [
        ({"gaussian": ["sise"]}, {}, r"column sise, which is not there\. Did you mean size"),
        ({"gauss": ["size"]}, {}, r"has no family gauss: it must be one of gaussian, student_t"),
        ({"gaussian": "size"}, {}, r"gaussian must be a list of columns, but got 'size'"),
        ("all", {}, r"must be auto, a family for all columns, or.* got 'all'"),
        ({"poisson": ["count"], "gaussian": ["count"]}, {}, r"count is in poisson and gaussian"),
        ({"poisson": ["size"]}, {}, r"poisson needs whole numbers >= 0 in column size"),
        ({"negative_binomial": ["count"]}, {"count": -np.ones(N)}, r"column count.* -1 to -1"),
        ({"poisson": ["count"]}, {"count": np.full(N, 1.5)}, r"column count, but it holds 1\.5"),
        (
            "poisson",
            {},
            r"likelihood=poisson needs whole .* but column size holds -?\d.*use likelihood=mixed",
        ),
        ({"bernoulli": ["year"]}, {}, r"bernoulli needs 0 and 1 in column year"),
        ({"categorical": ["yes"]}, {}, r"name it in data\.categorical"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(asked, changed, said):
    with pytest.raises(ConfigError, match=said) as refused:
        find_families(table(**changed), asked)
    assert "\n" not in str(refused.value)


def test_only_real_numbers_are_standardised(tmp_path):
    lines = [",".join(NAMES[i] for i in (0, 3, 4))]
    x = table().train.x[:, [0, 3, 4]]
    lines += [f"{a},{int(b)},{int(c)}" for a, b, c in x.tolist()]
    (tmp_path / "x.csv").write_text("\n".join(lines) + "\n")
    made = []
    for families in ({"poisson": ["count"]}, None):
        source = ArrayFile(str(tmp_path / "x.csv"))
        data = VaelData(source, 4, cache_dir=str(tmp_path / "cache"), families=families)
        data.prepare()
        made.append(data)
    mixed, plain = made
    assert mixed.preprocess.shift.tolist() == [plain.preprocess.shift[0].item(), 0, 0]
    assert mixed.preprocess.scale.tolist() == [plain.preprocess.scale[0].item(), 1, 1]
    assert mixed.spec.families[1:] == (("bernoulli", "yes"), ("poisson", "count"))
    assert mixed.spec.digest != plain.spec.digest  # densities in other units
    assert plain.spec.families == ()
