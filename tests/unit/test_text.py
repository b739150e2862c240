"""Words for counts."""

import pytest

from vael.sweep.study.fresh_scores import FreshScores
from vael.sweep.study.ranking import Goal, counts_text
from vael.text import count_text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 seeds"), (1, "1 seed"), (2, "2 seeds"), (1200, "1,200 seeds")]
)
def test_one_is_no_plural(count, text):
    assert count_text(count, "seed") == text


def test_a_sweep_of_one_says_so():
    scores = FreshScores(3, 2.0, {"val/bpd": [2.5]}, 0)
    assert scores.text("val/bpd").endswith("val/bpd 2.5000 on 1 fresh seed")
    assert counts_text(Goal("one", ("val/bpd",), ("minimize",), None), []) == "0 trials"
