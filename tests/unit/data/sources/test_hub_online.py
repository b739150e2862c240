"""What is said where the hub is away, or answers with an error."""

import os
import time

import datasets
import pytest
from helpers.hub_files import IMAGE, TRAIN, png

from vael.data.cache import load_decoded
from vael.data.sources.hub import Hub
from vael.errors import ConfigError, DataError


def test_without_network_it_says_at_once_how_to_give_a_path(tmp_path):
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    before = time.perf_counter()
    with pytest.raises(
        DataError,
        match=r"data.name=ylecun/mnist must be fetched .* cannot be "
        r"reached: there is no network .*a local copy.*"
        r"data.path=FOLDER",
    ) as caught:
        load_decoded(Hub("ylecun/mnist"), tmp_path)
    assert time.perf_counter() - before < 60  # retries would take minutes
    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_switches_datasets_offline(tmp_path, monkeypatch):
    import huggingface_hub

    def unreachable(self, name, *, revision, timeout):
        raise TimeoutError("timed out")

    def load_dataset(name, config, revision):
        assert datasets.config.HF_HUB_OFFLINE
        return {
            "train": datasets.Dataset.from_dict(
                {"image": [png(x) for x in TRAIN]}, features=datasets.Features({"image": IMAGE})
            )
        }

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert len(Hub("a/b").decode().train.x) == 9  # the copy that datasets has
    assert not datasets.config.HF_HUB_OFFLINE


def answers(monkeypatch, error):
    """A hub that answers so to the question whether a data set exists."""
    import huggingface_hub

    def dataset_info(self, name, *, revision, timeout):
        if error is not None:
            raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)


def http(kind, status):
    import httpx
    from huggingface_hub import errors

    request = httpx.Request("GET", "https://huggingface.co/api/datasets/no/such")
    response = httpx.Response(status, request=request)
    text = f"{status} Client Error.\n\nRepository Not Found"
    return getattr(errors, kind)(text, response=response)


@pytest.mark.parametrize(
    ("kind", "status", "match"),
    [
        ("RepositoryNotFoundError", 401, "no/such was not found there: it does not exist, or may"),
        ("RepositoryNotFoundError", 404, "no/such was not found there: it does not exist, or may"),
        ("RevisionNotFoundError", 404, "not found there: revision v9 of it does not exist"),
        ("HfHubHTTPError", 503, "which answers with an error .*data.path=FOLDER"),
    ],
)
def test_a_name_that_is_not_on_the_hub_gets_one_line(tmp_path, monkeypatch, kind, status, match):
    answers(monkeypatch, http(kind, status))
    with pytest.raises(DataError, match=f"data.name.*{match}") as caught:
        load_decoded(Hub("no/such", revision="v9"), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_name_with_several_data_sets_asks_for_one(tmp_path, monkeypatch):
    def load_dataset(name, config, revision):
        if config != "small":
            raise ValueError("Config name is missing.\nPlease pick one among: ['small', 'big']")
        return {
            "train": datasets.Dataset.from_dict(
                {"image": [png(x) for x in TRAIN]}, features=datasets.Features({"image": IMAGE})
            )
        }

    answers(monkeypatch, None)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(ConfigError, match=r"data.config \(got None\).*\['small', 'big'\]$"):
        load_decoded(Hub("a/b"), tmp_path)
    assert len(load_decoded(Hub("a/b", config="small"), tmp_path).data.train.x) == 9
