"""Texts of tables in any encoding, with any separator, and with any mark of a missing value."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES

from vael.data.decode import columns
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
    assert any(f"{mark or 'empty cells'} stand" in note for note in data.notes)


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
    assert sum("columns a, b, c: decimal commas, " in note for note in data.notes) == 1


def test_commas_between_blanks_are_decimal_ones(tmp_path):
    data = ArrayFile(put(tmp_path, "a b\n1,5 2,25\n3,5 4,5\n5,5 6\n")).decode()
    np.testing.assert_array_equal(data.train.x, [[1.5, 2.25], [3.5, 4.5], [5.5, 6]])
    assert data.columns == ("a", "b")
    for text in ("1, 2\n3, 4\n5, 7\n", "1,2 \n3,4 \n5,7 \n"):
        data = ArrayFile(put(tmp_path, text)).decode()
        np.testing.assert_array_equal(data.train.x, [[1, 2], [3, 4], [5, 7]])
    data = ArrayFile(put(tmp_path, "house 10,5\nhouse 11,7\nhouse 10,9\n"), label_key=0).decode()
    assert data.train.x.tolist() == [[5], [7], [9]]


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


@pytest.mark.parametrize("comma", [" ", ",", "\t"])
def test_comments_before_the_table_are_told_and_the_last_one_may_hold_the_names(tmp_path, comma):
    x = np.array([[1.5, 2], [3, 4], [5, 6]])
    np.savetxt(tmp_path / "t.txt", x, delimiter=comma, header=f"made by hand\na{comma}b")
    data = ArrayFile(str(tmp_path / "t.txt")).decode()
    assert data.columns == ("a", "b")
    np.testing.assert_array_equal(data.train.x, x)
    assert any("comments before the first row are left out (# made by" in n for n in data.notes)
    assert any("the comment before the first row holds the names: a, b" in n for n in data.notes)
    data = ArrayFile(str(tmp_path / "t.txt"), header=False).decode()
    assert data.columns == ("0", "1")
    np.testing.assert_array_equal(data.train.x, x)
    path = put(tmp_path, "# from 2020, by me\na,b\n1.5,2\n3,4\n")  # as many words as columns
    assert ArrayFile(path).decode().columns == ("a", "b")


def test_a_first_row_that_begins_with_a_mark_is_no_comment(tmp_path):
    data = ArrayFile(put(tmp_path, "#N/A,2\n3,4\n5,6\n"), missing="mean").decode()
    np.testing.assert_array_equal(data.train.x, [[np.nan, 2], [3, 4], [5, 6]])
    with pytest.raises(DataError, match=r"line 1, column 0: .*'#DIV/0!'"):
        ArrayFile(put(tmp_path, "#DIV/0!,2,7\n3,4,8\n5,6,9\n")).decode()


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_utf_32_is_told(tmp_path, encoding):
    data = ArrayFile(put(tmp_path, "größe,b\n1.5,2\n3,4\n", encoding)).decode()
    assert data.columns == ("größe", "b")
    assert "the text is not UTF-8 and was read as UTF-32" in data.notes


@pytest.mark.parametrize("label", ["data.label_key", "data.categorical"])
@pytest.mark.parametrize("content", ['"y\n3,z\n4,z', '"y\n3,z\n4,"z', '"y\n3,z\n4,"', '"y\r3,z"'])
def test_a_quote_that_is_not_closed_takes_no_rows_in(tmp_path, content, label):
    path = put(tmp_path, f"a,kind\n1,x\n2,{content}\n")
    options = {"label_key": "kind"} if "label" in label else {"categorical": ["kind"]}
    with pytest.raises(
        DataError, match=r"line \d: .*(its line, .* line 3 and takes|inside of one)"
    ):
        ArrayFile(path, **options).decode()
    path = put(tmp_path, '"mass\n(kg)",b\n1,2\n3,4\n')  # as Excel breaks names
    assert ArrayFile(path).decode().columns == ("mass (kg)", "b")


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [
        ("12 %", "write the number alone: 12$"),
        ("37 °C", "write the number alone: 37$"),
        ("$1234.5", r"write the number alone: 1234\.5$"),
        ("1 234", "write it without gaps: 1234$"),
        ("1'234'567", "write it without gaps: 1234567$"),
        ("1,234,567.8", r"write it without gaps: 1234567\.8$"),
        ("2001-02-03", "a date is no number"),
        ("03.02.2001 12:00", "a date is no number"),
        ("12:30:01", "a date is no number"),
        ("1,5", r"may mean two things; write 15 or 1\.5$"),
        ("version 3", r"data\.label_key=b"),
    ],
)
def test_a_cell_that_is_almost_a_number_says_how_to_write_it(tmp_path, cell, remedy):
    path = put(tmp_path, f'a,b\n1,2\n3,"{cell}"\n5,6\n7,x\n', name="t.csv")
    with pytest.raises(DataError, match=f"line 3, column b: .*{remedy}"):
        ArrayFile(path).decode()


def test_truth_values_are_numbers_and_that_is_told(tmp_path):
    path = put(tmp_path, "a,sold\n1.5,True\n2.5,false\n3.5,NA\n")
    data = ArrayFile(path, missing="mean").decode()
    np.testing.assert_array_equal(data.train.x, [[1.5, 1], [2.5, 0], [3.5, np.nan]])
    assert "column sold: true and false are 1 and 0" in data.notes


def test_points_beside_decimal_commas_are_told(tmp_path):
    data = ArrayFile(put(tmp_path, "a;b\n1.000;2,5\n2.500;3,5\n1.250;4,5\n")).decode()
    assert data.train.x[:, 0].tolist() == [1, 2.5, 1.25]
    assert any(
        "column a: decimal points, 1.000 is read as 1 and not" in note for note in data.notes
    )


def test_a_column_that_counts_the_rows_is_told(tmp_path):
    rows = "".join(f"{n},{n * 7 % 5}.5\n" for n in range(1, 31))
    data = ArrayFile(put(tmp_path, f"id,a\n{rows}")).decode()
    assert data.columns == ("id", "a")
    assert any("column id: counts the rows (1, 2, ...)" in note for note in data.notes)


def test_missing_values_are_counted_and_what_may_be_one_is_told(tmp_path):
    rows = [f"{n}.5,{-999 if n % 4 else n},{'NA' if n < 3 else n}" for n in range(1, 9)]
    path = put(tmp_path, "a,b,c\n" + "\n".join(rows))
    data = ArrayFile(path, missing="median").decode()
    assert (
        "column c (2): missing values, which become the median of the training rows" in data.notes
    )
    (told,) = [note for note in data.notes if note.startswith("column b: -999 stands there 6")]
    assert "data.missing_marks=[-999]" in told
    data = ArrayFile(path, missing="median", missing_marks=[-999, "NA"]).decode()
    assert any(note.startswith("columns b (6), c (2): missing") for note in data.notes)


def test_many_columns_of_a_kind_are_one_line(tmp_path):
    rows = [";".join(f"{n},{at}" for at in range(8)) for n in range(5)]
    data = ArrayFile(put(tmp_path, "\n".join(rows))).decode()
    assert (
        "columns 0, 1, 2, 3, 4, ... (8 in all): decimal commas, 0,0 is read as 0.0" in data.notes
    )


def test_more_categories_than_make_sense_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "MOST_CATEGORIES", 5)
    path = put(tmp_path, "a,id\n" + "".join(f"{n}.5,id-{n}\n" for n in range(9)))
    with pytest.raises(DataError, match=r"column id: each category becomes .* at most 5, got 9"):
        ArrayFile(path, categorical=["id"]).decode()


@pytest.mark.parametrize("kind", ["dates", "texts", "twice", "named", "two"])
def test_the_index_of_a_frame_is_left_out_of_parquet_and_told(tmp_path, kind):
    index = {
        "dates": pd.date_range("2001-01-01", periods=4),
        "texts": ["p", "q", "r", "s"],
        "twice": [1, 1, 2, 2],
        "named": pd.Index([5, 6, 7, 8], name="id"),
        "two": pd.MultiIndex.from_product([["p", "q"], [1, 2]]),
    }[kind]
    frame = pd.DataFrame({"a": [1.5, 2, 3, 4], "b": [1, 0, 1, 1]}, index=index)
    frame.to_parquet(tmp_path / "t.parquet")
    data = ArrayFile(str(tmp_path / "t.parquet")).decode()
    assert data.columns == ("a", "b")
    np.testing.assert_array_equal(data.train.x, frame.to_numpy())
    assert sum("the index of the frame" in note for note in data.notes) == 1 + (kind == "two")
    if kind == "named":
        data = ArrayFile(str(tmp_path / "t.parquet"), label_key="id").decode()
        assert data.train.y.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("column", "remedy"),
    [
        (pd.date_range("2001-01-01", periods=3), "a date is no number"),
        (pd.to_timedelta([1, 2, 3], unit="s"), "a number of seconds"),
        ([[1, 2], [3, 4], [5, 6]], "each of its values as a column"),
        ([None, None, None], "no value at all"),
        ([b"a", b"b", b"c"], "leave it out"),
    ],
)
def test_columns_of_parquet_that_are_no_numbers_say_what_to_do(tmp_path, column, remedy):
    pd.DataFrame({"a": [1.5, 2, 3], "b": column}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match=f"column b: .*{remedy}"):
        ArrayFile(str(tmp_path / "t.parquet")).decode()
