"""What a sweep's page says of its search."""

import json

import pytest

from vael.sweep.report.searched import list_searched

SNAPSHOT = """
space: {model.latent_dim: "choice(2, 4)", likelihood: "choice(gaussian, laplace)"}
when: {likelihood=gaussian: {likelihood.scale: "choice(shared, predicted)"}}
sampler: tpe
pruner: {_target_: my.Pruner}
seed: 7
confirm: 3
overrides: [data=digits, logger=csv]
"""


def test_the_space_and_how_it_was_searched_are_those_of_the_snapshot(tmp_path):
    (tmp_path / "sweep.yaml").write_text(SNAPSHOT)
    space, search = list_searched(tmp_path)
    assert space == [
        ("model.latent_dim", "choice(2, 4)"),
        ("likelihood", "choice(gaussian, laplace)"),
        ("likelihood.scale", "choice(shared, predicted), where likelihood=gaussian"),
    ]
    assert dict(search) == {
        "sampler": "tpe",
        "pruner": "my.Pruner",
        "seed of the search": "7",
        "fresh seeds for the best": "3",
        "the same for all trials": "data=digits logger=csv",
    }


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"confirm": None}, {"fresh seeds for the best": "5, or 3 where a run takes a minute"}),
        (
            {"constraint": ["seconds < 9", "parameters < 3"]},
            {"constraint": "seconds < 9, parameters < 3"},
        ),
        ({"constraint": []}, {}),
    ],
)
def test_what_was_not_said_has_its_default_and_bounds_are_named(tmp_path, keys, said):
    (tmp_path / "sweep.yaml").write_text(json.dumps({"space": {}, "confirm": 3, **keys}))
    found = dict(list_searched(tmp_path)[1])
    assert found.items() >= said.items()
    assert ("constraint" in found) == ("constraint" in said)


def test_without_a_snapshot_nothing_is_said(tmp_path):
    assert list_searched(tmp_path) == ([], [])


def test_the_page_shows_it_and_links_the_trials(small):
    (small.folder / "sweep.yaml").write_text(SNAPSHOT)
    page = small.write().read_text()
    assert "What was searched" in page
    assert "choice(shared, predicted), where likelihood=gaussian" in page
    assert '<a href="trials/0002/">2</a>' in page
