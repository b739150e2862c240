"""GPUs and threads dealt out to workers; the facts are made up, so no GPU is needed."""

import pytest

from vael.errors import ConfigError
from vael.sweep.spec.facts import Facts
from vael.sweep.study.records import Slot
from vael.sweep.workers import slots as module
from vael.sweep.workers.slots import count_workers, deal_slots


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Eight cores, and all GPUs may be used."""
    monkeypatch.setattr(module, "count_cores", lambda: 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def facts(gpus):
    return Facts(256, True, "gpu" if gpus else "cpu", gpus, True)


def visible(found):
    return [slot.devices for slot in found]


@pytest.mark.parametrize(
    ("workers", "devices", "per_device", "expected"),
    [
        (4, 1, 1, ["0", "1", "2", "3"]),
        (2, 2, 1, ["0,1", "2,3"]),
        (1, 4, 1, ["0,1,2,3"]),
        (1, 3, 1, ["0,1,2"]),
        (8, 1, 2, ["0", "1", "2", "3", "0", "1", "2", "3"]),
        (3, 2, 2, ["0,1", "2,3", "0,1"]),
    ],
)
def test_each_worker_has_gpus_of_its_own_or_shares_them_evenly(
    workers, devices, per_device, expected
):
    found = deal_slots(facts(4), workers, devices, per_device)
    assert visible(found) == expected
    assert {slot.num_devices for slot in found} == {devices}
    assert {slot.threads for slot in found} == {max(1, 8 // (workers * devices))}


@pytest.mark.parametrize(
    ("names", "expected"), [("5,7", ["5", "7"]), ("GPU-a,GPU-b", ["GPU-a", "GPU-b"])]
)
def test_only_the_gpus_that_may_be_used_are_dealt_out(monkeypatch, names, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)
    assert visible(deal_slots(facts(2), 2, 1, 1)) == expected


@pytest.mark.parametrize(("workers", "devices", "per_device"), [(5, 1, 1), (9, 1, 2), (3, 2, 1)])
def test_more_workers_than_there_are_gpus_for_are_refused(workers, devices, per_device):
    needed = workers * devices
    with pytest.raises(
        ConfigError,
        match=rf"--workers={workers} needs {needed} GPUs.* has 4: use "
        "--workers-per-device",
    ):
        deal_slots(facts(4), workers, devices, per_device)


def test_without_gpus_the_cores_are_divided():
    assert deal_slots(facts(0), 2, 1, 1) == [Slot(None, 1, 4)] * 2
    assert deal_slots(facts(0), 3, 2, 1) == [Slot(None, 2, 1)] * 3


@pytest.mark.parametrize(
    ("gpus", "devices", "per_device", "workers"),
    [(4, 1, 1, 4), (4, 2, 1, 2), (4, 1, 3, 12), (4, 3, 1, 1), (0, 1, 1, 8), (0, 4, 1, 2)],
)
def test_there_are_as_many_workers_as_devices_for_them(gpus, devices, per_device, workers):
    assert count_workers(facts(gpus), devices, per_device) == workers
