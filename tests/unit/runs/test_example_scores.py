import numpy as np
import pytest

from vael.errors import VaelError
from vael.runs.example_scores import FILE, read_example_scores, write_example_scores


def test_what_is_written_is_read_back_to_single_precision(tmp_path):
    scores = {"bpd": np.random.default_rng(0).normal(2, 1, 1000), "elbo": -np.arange(1000.0)}
    write_example_scores(tmp_path, scores)
    read = read_example_scores(tmp_path)
    assert read.keys() == scores.keys()
    for name, column in scores.items():
        np.testing.assert_allclose(read[name], column, rtol=6e-8)


def test_no_file_is_no_scores(tmp_path):
    assert read_example_scores(tmp_path) == {}


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all"])
def test_a_damaged_file_is_named_in_one_line(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(VaelError, match=r"test_scores\.npz is damaged") as told:
        read_example_scores(tmp_path)
    assert "\n" not in str(told.value)


def test_half_a_file_is_damaged(tmp_path):
    write_example_scores(tmp_path, {"bpd": np.ones(100)})
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VaelError, match="damaged"):
        read_example_scores(tmp_path)
