"""A bound on a score or a cost."""

import pytest

from vael.metrics.constraint import parse_constraints


@pytest.mark.parametrize(
    ("text", "kept", "broken"),
    [
        ("parameters < 1e6", 999_999, 1_000_000),
        ("seconds<=60", 60.0, 60.001),
        ("val/active_units >= 3", 3, 2),
        ("val/elbo > -90.5", -90.4, -90.5),
    ],
)
def test_a_value_breaks_a_bound_by_its_distance(text, kept, broken):
    [bound] = parse_constraints([text])
    assert bound.violation(kept) == 0
    assert bound.violation(broken) > 0
    assert bound.violation(broken) == pytest.approx(abs(broken - bound.limit))


def test_a_bound_says_itself():
    assert str(parse_constraints(["parameters<1e6"])[0]) == "parameters < 1e+06"
