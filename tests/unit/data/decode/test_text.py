"""Texts of tables in any encoding, with any separator, and with any mark of a missing value."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES

from vael.data.decode.marks import USUAL
from vael.data.sources.array import ArrayFile
from vael.errors import ConfigError, DataError

FEW = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def put(path, content, encoding="utf-8", name="t.csv"):
    (path / name).write_bytes(content.encode(encoding))
    return str(path / name)


def test_the_marks_are_those_of_pandas_and_the_question_mark():
    assert set(USUAL) == {*STR_NA_VALUES, "?"}


@FEW
@given(st.sampled_from(USUAL), st.integers(0, 2**31), st.sampled_from([str, str.lower, str.upper]))
def test_any_mark_is_a_missing_number(tmp_path, mark, seed, case):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 3)).round(3)
    holes = rng.random(x.shape) < 0.2
    cells = np.where(holes, case(mark), x.astype(str))
    text = "a,b,c\n" + "\n".join(",".join(row) for row in cells)
    data = ArrayFile(put(tmp_path, text), missing="mean").decode()
    np.testing.assert_array_equal(data.train.x, np.where(holes, np.nan, x).astype(np.float32))
    if holes.any():
        with pytest.raises(
            DataError, match=r"got (an empty cell|a missing value) .*data\.missing"
        ):
            ArrayFile(put(tmp_path, text)).decode()


@pytest.mark.parametrize("mark", ["?", "NA", "None", "<NA>", ""])
def test_marks_count_for_labels_and_categories_too(tmp_path, mark):
    text = f"a,kind\n1,x\n2,{mark}\n3,y\n4,x\n"
    with pytest.raises(DataError, match=r"line 3, column kind: each example must have a label"):
        ArrayFile(put(tmp_path, text), label_key="kind").decode()
    data = ArrayFile(put(tmp_path, text), categorical=["kind"]).decode()
    assert data.columns == ("a", "kind=", "kind=x", "kind=y")
    assert data.train.x[:, 1].tolist() == [0, 1, 0, 0]
    assert any(f"{mark} stand" in note for note in data.notes) == bool(mark)


def test_marks_of_ones_own(tmp_path):
    text = "a,kind\n-200,NA\n2.5,x\n-200.0,y\n4,NA\n"
    path = put(tmp_path, text)
    data = ArrayFile(path, missing="median", missing_marks=[-200], categorical=["kind"]).decode()
    np.testing.assert_array_equal(data.train.x[:, 0], np.float32([np.nan, 2.5, np.nan, 4]))
    assert data.columns == ("a", "kind=NA", "kind=x", "kind=y")  # a category, not a gap
    data = ArrayFile(path, missing_marks=[], label_key="kind").decode()
    assert data.train.y.tolist() == [0, 1, 2, 0]
    with pytest.raises(ConfigError, match=r"data\.missing_marks=\['\?'\]"):
        ArrayFile(path, missing_marks="?")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("comma", [",", ";", "\t", " ", "|"])
def test_any_encoding_and_separator(tmp_path, encoding, comma):
    rows = [["größe", "b"], ["1.5", "2"], ["3", "-4e2"], ["5", "6"]]
    path = put(tmp_path, "\r\n".join(comma.join(row) for row in rows), encoding)
    data = ArrayFile(path).decode()
    assert data.columns == ("größe", "b")
    np.testing.assert_array_equal(data.train.x, [[1.5, 2], [3, -400], [5, 6]])
    assert any("UTF-16" in note for note in data.notes) == encoding.startswith("utf-16")


def test_latin_1_is_told(tmp_path):
    data = ArrayFile(put(tmp_path, "größe;b\n1;2\n3;4\n", "latin-1")).decode()
    assert data.columns == ("größe", "b")
    assert any("Windows-1252" in note for note in data.notes)
    with pytest.raises(DataError, match="another format"):
        ArrayFile(put(tmp_path, "\x01\x02,\x03\n1,2\n")).decode()


@FEW
@given(st.sampled_from(";\t "), st.integers(0, 2**31))
def test_decimal_commas(tmp_path, comma, seed):
    x = (np.random.default_rng(seed).normal(size=(20, 3)) * 1000).round(2)
    rows = [[f"{value:.2f}".replace(".", ",") for value in row] for row in x]
    text = comma.join("abc") + "\n" + "\n".join(comma.join(row) for row in rows)
    data = ArrayFile(put(tmp_path, text)).decode()
    np.testing.assert_array_equal(data.train.x, x.astype(np.float32))
    assert sum("has decimal commas" in note for note in data.notes) == 3


def test_points_between_thousands_and_what_may_mean_two_things(tmp_path):
    data = ArrayFile(put(tmp_path, "a;b\n1.234,5;2\n1.000;3\n12,5;1\n")).decode()
    np.testing.assert_array_equal(data.train.x[:, 0], [1234.5, 1000, 12.5])
    with pytest.raises(DataError, match=r"the text '1,234'; a comma in a number may mean two"):
        ArrayFile(put(tmp_path, 'a,b\n"1,234",2\n3,4\n')).decode()
    for text in ("1_000", "\uff11\uff12", "0x1f"):  # Python reads the first two
        with pytest.raises(DataError, match="a cell must be a number, got the text"):
            ArrayFile(put(tmp_path, f"a,b\n{text},2\n3,4\n5,6\n7,8\n")).decode()


def test_empty_ends_are_left_out_and_told(tmp_path):
    text = "a;b;;\n1,5;2;;\n2,5;3;;\n;;;\n;;;\n"  # as AirQualityUCI.csv has it
    data = ArrayFile(put(tmp_path, text)).decode()
    np.testing.assert_array_equal(data.train.x, [[1.5, 2], [2.5, 3]])
    assert "2 rows without any value are left out" in data.notes
    assert "2 empty columns at the end left out" in data.notes
    np.testing.assert_array_equal(
        ArrayFile(put(tmp_path, "a,b\n1,2,\n3,4,\n")).decode().train.x, [[1, 2], [3, 4]]
    )


def test_blanks_of_any_number(tmp_path):
    path = put(tmp_path, "  0.1  18.0   2\n 0.2   0.0  12\n 0.3 1.0 4\n", name="housing.data")
    np.testing.assert_array_equal(
        ArrayFile(path).decode().train.x, np.float32([[0.1, 18, 2], [0.2, 0, 12], [0.3, 1, 4]])
    )


def test_a_parquet_table_is_what_its_csv_is(tmp_path):
    frame = pd.DataFrame(
        {
            "size": [1.5, np.nan, 3.0, 4.0],
            "count": [1, 2, 3, 9],
            "sold": [True, False, True, True],
            "colour": pd.Categorical(["red", "blue", None, "red"]),
            "kind": ["b", "a", "b", "c"],
        },
        index=[4, 2, 9, 7],
    )
    frame.to_parquet(tmp_path / "t.parquet")
    frame.astype({"sold": int}).to_csv(tmp_path / "t.csv")
    options = {"label_key": "kind", "categorical": ["colour"], "missing": "mean"}
    one, two = (
        ArrayFile(str(tmp_path / f"t.{end}"), **options).decode() for end in ("parquet", "csv")
    )
    np.testing.assert_array_equal(one.train.x, two.train.x)
    np.testing.assert_array_equal(one.train.y, [1, 0, 1, 2])
    assert one.columns == two.columns
    assert len(one.columns) == 6


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("x.parquet", "must be a parquet file, but"),
        ("x.mat", r"scipy\.io\.loadmat"),
        ("x.pkl", "could run code"),
        ("x.xlsx", r"save the sheet as \.csv"),
        ("x.csv.gz", "unpack it first"),
    ],
)
def test_other_files_come_with_their_remedy(tmp_path, name, match):
    path = put(tmp_path, "no table", name=name)
    with pytest.raises((ConfigError, DataError), match=match):
        ArrayFile(path).decode()
