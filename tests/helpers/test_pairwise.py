from itertools import combinations, product

from helpers.pairwise import cover_pairs, pairs_of, rows_of

FACTORS = {"a": ["1", "2", "3", "4"], "b": ["1", "2", "3"], "c": ["1", "2", "3"], "d": ["1", "2"]}
FORBIDDEN = [frozenset({("a", "1"), ("b", "2")}), frozenset({("b", "3"), ("c", "1")})]


def test_every_two_choices_meet_and_no_forbidden_ones():
    rows = cover_pairs(FACTORS, FORBIDDEN)
    every = {
        frozenset(((m, x), (n, y)))
        for m, n in combinations(FACTORS, 2)
        for x, y in product(FACTORS[m], FACTORS[n])
    }
    assert set().union(*map(pairs_of, rows)) == every - set(FORBIDDEN)
    assert all(row.keys() == FACTORS.keys() for row in rows)


def test_the_rows_are_few():
    assert 4 * 3 <= len(cover_pairs(FACTORS, ())) <= 16  # 72 combinations


def test_factors_that_need_not_meet_take_fewer_rows():
    rows = cover_pairs(FACTORS, (), apart=("a", "b"))
    assert set().union(*map(pairs_of, rows)) >= {
        frozenset(((m, x), (n, y)))
        for m, n in combinations(FACTORS, 2)
        for x, y in product(FACTORS[m], FACTORS[n])
        if (m, n) != ("a", "b")
    }
    assert 4 * 3 <= len(rows) < 4 * 3 + 2


def test_the_product_is_whole_but_for_what_is_forbidden():
    rows = list(rows_of(FACTORS, FORBIDDEN))
    assert len(rows) == 72 - 1 * 3 * 2 - 4 * 1 * 2  # no row holds both
    assert not any(pairs_of(row) & set(FORBIDDEN) for row in rows)
