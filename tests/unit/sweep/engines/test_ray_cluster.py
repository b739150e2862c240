"""What is asked of a Ray before anything is made; no Ray is needed for it."""

import socket
import threading

import pytest
from helpers.studies import definition

from vael.errors import ConfigError
from vael.sweep.engines import ray_cluster
from vael.sweep.engines.ray_cluster import Share, compare_node, connect_cluster, find_share

HERE = {"code": {"Ray": "2.60.0", "Python": "3.11.7", "git": "a", "source": "1"}, "sees": True}


@pytest.mark.parametrize("address", ["", "auto", "ray://h:10001", "h", "h:x", ":6379"])
def test_an_address_that_is_none_is_refused(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match="needs RAY_ADDRESS=HOST:PORT"):
        connect_cluster(definition(), 1)


@pytest.mark.parametrize("port", [None, 99999])
def test_an_address_where_nobody_answers_is_refused(monkeypatch, port):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = port or server.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(
        ConfigError, match=r"^nobody answers at RAY_ADDRESS=127\.0\.0\.1:\d+ as Ray"
    ):
        connect_cluster(definition(), 1)


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_who_accepts_but_is_no_ray_is_refused(monkeypatch, says):
    """Ray itself would wait for minutes for one who is silent."""
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with server.accept()[0] as connection:
                connection.sendall(says)
                connection.recv(100)
                closed.wait(10)

        closed = threading.Event()
        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(ConfigError, match=r"^nobody answers at RAY_ADDRESS"):
            connect_cluster(definition(), 1)
        closed.set()
        thread.join()


def test_sqlite_is_refused_first(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "")
    with pytest.raises(ConfigError, match="not for several nodes"):
        connect_cluster(definition(storage="sqlite:///"), 1)


@pytest.mark.parametrize(
    ("there", "says"),
    [
        ({"code": {**HERE["code"], "Ray": "2.49.0"}}, r"Ray 2\.60\.0 -> 2\.49\.0"),
        ({"code": {**HERE["code"], "Python": "3.12.1"}}, r"Python 3\.11\.7 -> 3\.12\.1"),
        ({"code": {**HERE["code"], "source": "2"}}, r"source 1 -> 2"),
        ({"sees": False}, r"does not see /shared"),
    ],
)
def test_a_node_that_differs_is_named_with_what_differs(there, says):
    with pytest.raises(ConfigError, match=rf"^Ray's node n2 .*{says}"):
        compare_node("n2", HERE, {**HERE, **there}, "/shared")


def test_another_commit_with_the_same_code_is_no_difference():
    compare_node("n2", HERE, {**HERE, "code": {**HERE["code"], "git": "b"}}, "/shared")


@pytest.mark.parametrize(
    ("changes", "per_device", "gpus", "share"),
    [
        ({}, 1, False, (1, 0)),
        ({}, 1, True, (1, 1)),
        ({}, 4, True, (1, 0.25)),
        ({"devices": 2}, 1, True, (2, 2)),
        ({"overrides": ["logger=csv", "trainer.accelerator=cpu"]}, 1, True, (1, 0)),
        ({"ray": {"num_cpus": 3, "num_gpus": 0.5}}, 1, True, (3, 0.5)),
    ],
)
def test_a_worker_asks_for_what_its_trial_needs(changes, per_device, gpus, share):
    found = find_share(definition(**changes), per_device, gpus)
    assert (found.cpus, found.gpus) == share
    assert found.options()["max_retries"] == 0


def test_several_workers_on_several_devices_are_refused():
    with pytest.raises(ConfigError, match="for trials of one device"):
        find_share(definition(devices=2), 2, True)


def test_a_share_fits_where_all_of_it_is():
    share = Share(2, 1, {"a100": 1})
    assert share.fits({"CPU": 2, "GPU": 1, "a100": 4})
    assert not share.fits({"CPU": 2, "GPU": 1})
    assert not share.fits({"CPU": 1, "GPU": 1, "a100": 4})
    assert str(share) == "2 CPU, 1 GPU, 1 a100"


@pytest.mark.parametrize(
    "ray",
    [
        {"num_cpus": 0},
        {"num_cpus": 1.5},
        {"num_gpus": -1},
        {"resources": {"a": 0}},
        {"cpus": 1},
        "all",
    ],
)
def test_options_that_ray_has_not_are_refused(ray):
    with pytest.raises(ConfigError, match=r"^ray"):
        definition(ray=ray)
