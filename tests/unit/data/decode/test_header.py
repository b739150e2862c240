"""Tables with and without names, as people save them: no row is lost, none is gained."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from vael.data.decode.header import find_header
from vael.data.decode.marks import parse_marks
from vael.data.sources.array import ArrayFile
from vael.errors import DataError

MARKS = parse_marks(None)
FEW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NAMES = st.lists(
    st.text("abcdefghij _", min_size=1, max_size=6).map(str.strip).filter(bool),
    min_size=2,
    max_size=6,
    unique=True,
).filter(lambda names: not any(MARKS.hold(name) for name in names))


def write(path, rows, comma=","):
    file = path / "t.csv"
    file.write_text("\n".join(comma.join(row) for row in rows) + "\n")
    return str(file)


@FEW
@given(NAMES, st.integers(0, 2**31), st.booleans(), st.sampled_from(";,\t|"))
def test_numbers_keep_all_of_their_rows(tmp_path, names, seed, named, comma):
    x = np.random.default_rng(seed).normal(size=(20, len(names))).round(3)
    rows = [[repr(float(value)) for value in row] for row in x]
    data = ArrayFile(write(tmp_path, [names, *rows] if named else rows, comma)).decode()
    np.testing.assert_array_equal(data.train.x, x.astype(np.float32))
    assert data.columns == tuple(names if named else map(str, range(len(names))))
    assert any("the first row holds" in note for note in data.notes)


@FEW
@given(st.integers(2, 70), st.integers(0, 2**31), st.booleans(), st.booleans())
def test_a_frame_of_pandas_without_names(tmp_path, width, seed, index, named_one):
    """to_csv writes 0, 1, 2, ... in row 1, and the index as a column without a name."""
    x = np.random.default_rng(seed).normal(size=(30, width)).round(4)
    start = int(named_one)
    rows = [[*([str(n)] * index), *map(repr, row.tolist())] for n, row in enumerate(x)]
    head = [*([""] * index), *(str(n + start) for n in range(width))]
    assume(width > 3 or not named_one)  # 1, 2 may as well be values
    data = ArrayFile(write(tmp_path, [head, *rows]), missing="mean").decode()
    np.testing.assert_array_equal(data.train.x, x.astype(np.float32))
    assert any("left out" in note for note in data.notes) == index


@FEW
@given(st.integers(0, 2**31), st.integers(2, 5), st.booleans())
def test_a_label_of_text_does_not_make_names_of_the_first_row(tmp_path, seed, kinds, named):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 3)).round(2), rng.integers(0, kinds, 40)
    y[:2] = y[0]
    rows = [[*map(repr, row.tolist()), f"kind-{k}"] for row, k in zip(x, y, strict=True)]
    head = [["a", "b", "c", "kind"]] if named else []
    data = ArrayFile(write(tmp_path, head + rows), label_key="kind" if named else 3).decode()
    np.testing.assert_array_equal(data.train.x, x.astype(np.float32))
    np.testing.assert_array_equal(data.train.y, np.unique(y, return_inverse=True)[1])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("a,b 1,2 3,4", True),
        ("1,2 3,4 5,6", False),
        ("5.1,setosa 4.9,setosa 6.0,virginica", False),
        ("?,1 2,3 4,5", False),  # a missing value is no name
        ("country,2001,2002 France,13,17 Spain,99,4", True),
        ("2001,2002,2003 130,17,5 99,4,3", True),
        ("0,1,2,3 4,5,6,7 8,9,10,11", False),  # all rows count up
        ("0,1 1,0 0,0 1,1", False),  # binary data begins so by chance
        ("class,cap p,x e,x p,b", True),
        ("p,x e,x p,b", False),
        ("name,1 2,3 4,5 6,7", None),  # as much for as against
        ("name,kind", True),
        ("1,2", False),
    ],
)
def test_the_first_row_is_compared_with_those_below(rows, expected):
    assert find_header([row.split(",") for row in rows.split(" ")], MARKS) is expected


def test_the_user_decides(tmp_path):
    path = write(tmp_path, [["0", "1"], ["1", "0"], ["0", "0"], ["1", "1"]])
    assert len(ArrayFile(path, header=True).decode().train) == 3
    assert len(ArrayFile(path, header=False).decode().train) == 4
    path = write(tmp_path, [["name", "1"], ["2", "3"], ["4", "5"]])
    with pytest.raises(DataError, match=r"could hold the names .*set data\.header=true or data\."):
        ArrayFile(path).decode()
    assert ArrayFile(path, header=True).decode().columns == ("name", "1")


def test_row_names_as_r_writes_them(tmp_path):
    path = tmp_path / "cars.csv"
    path.write_text('"mpg" "cyl"\n"Mazda RX4" 21.0 6\n"Datsun 710" 22.8 4\n"Fiat" 32.4 4\n')
    data = ArrayFile(str(path)).decode()
    assert data.columns == ("mpg", "cyl")
    np.testing.assert_array_equal(data.train.x, np.float32([[21, 6], [22.8, 4], [32.4, 4]]))
    assert any("names the rows (Mazda RX4" in note for note in data.notes)


def test_columns_without_names_are_counted(tmp_path):
    path = write(tmp_path, [["a", "", ""], ["1", "2", "3"], ["4", "5", "7"]])
    with pytest.raises(DataError, match=r"2 of them have none \(number 1, 2 from 0\)"):
        ArrayFile(path).decode()
