"""Requests that cannot be right, and requests of others: refused with a sentence, no crash."""

import json
import random
import socket
import struct
import time
import zlib
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from helpers.drip import shut_out, until_closed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from vael.pretrained.explore import app
from vael.pretrained.explore.app import make_explore_app
from vael.report import web

ROUTES = ["/api/decode", "/api/sample", "/api/path", "/api/encode"]
Z = [0.0, 0.0, 0.0, 0.0]
BAD = {
    "/api/decode": [
        {},
        {"z": None},
        {"z": []},
        {"z": Z},
        {"z": [[0, 0, 0]]},
        {"z": [Z] * 65},
        {"z": [[0, 0, 0, "1"]]},
        {"z": [[0, 0, 0, True]]},
        {"z": [[0, 0, 0, None]]},
        {"z": [[0, 0, 0, 1e39]]},
        {"z": [[0, 0, 0, 10**400]]},
        {"z": {"0": Z}},
        {"z": [[Z]]},
    ],
    "/api/sample": [
        {"count": 0, "temperature": 1, "seed": 0},
        {"count": 65, "temperature": 1, "seed": 0},
        {"count": 1.5, "temperature": 1, "seed": 0},
        {"count": True, "temperature": 1, "seed": 0},
        {"count": 1, "temperature": -1, "seed": 0},
        {"count": 1, "temperature": "1", "seed": 0},
        {"count": 1, "temperature": 1, "seed": -1},
        {"count": 1, "temperature": 1, "seed": 2**32},
        {"count": 1, "temperature": 1},
    ],
    "/api/codes": [
        {"z": [Z]},
        {"z": [Z, Z], "place": 0},
        {"z": [Z], "place": -1},
        {"z": [Z], "place": 9},
    ],
    "/api/path": [
        {"ends": [Z], "steps": 9, "kind": "linear"},
        {"ends": [Z, Z], "steps": 9},
        {"ends": [Z] * 3, "steps": 9, "kind": "linear"},
        {"ends": [Z, Z], "steps": 1, "kind": "linear"},
        {"ends": [Z, Z], "steps": 65, "kind": "linear"},
        {"ends": [Z, Z], "steps": 9, "kind": "crooked"},
    ],
}
BODIES = [
    b"",
    b"{",
    b"[]",
    b"1",
    b"null",
    b"\xff\xfe",
    b'{"z": [[NaN, 0, 0, 0]]}',
    b"[" * 5000,
    b'{"z": [[Infinity, 0, 0, 0]]}',
    b'{"z": [[' + b"9" * 5000 + b", 0, 0, 0]]}",
    b'{"z": [[0, 0, 0, 0]]} {}',
]


def refused(answer, *statuses) -> str:
    """What is said, in one line that names no file and no line of code."""
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    said = answer.json()["error"]
    assert said
    assert "\n" not in said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("route", "asked"),
    [(r, a) for r, asked in BAD.items() for a in asked],
    ids=lambda value: json.dumps(value)[:60],
)
def test_what_is_asked_must_be_possible(client, route, asked):
    said = refused(client.post(route, content=json.dumps(asked)), 400, 422)
    assert "must be" in said


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize("route", ROUTES[:3])
def test_a_body_must_be_a_json_object(client, route, body):
    refused(client.post(route, content=body), 400)


@pytest.mark.parametrize(
    "path",
    [
        "/api/plane",
        "/api/plane?axes=",
        "/api/plane?axes=0",
        "/api/plane?axes=0,0",
        "/api/plane?axes=0,99999999999999999999",
        "/api/plane?axes=a,b",
        "/api/plane?axes=-1,0",
        "/api/examples/100000",
        f"/api/examples/{'9' * 300}",
        f"/api/examples/{'9' * 300}/original",
    ],
)
def test_what_there_is_not_is_said(client, path):
    refused(client.get(path), 400, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/../cli.py",
        "/..%2fapp.py",
        "/%2e%2e/app.py",
        "/%00",
        "/api",
        "/api/examples/-1",
        "/api/examples/x",
        "//etc/passwd",
        "/..%5capp.py",
    ],
)
def test_nothing_but_the_page_is_served(client, path):
    answer = client.get(path)
    assert answer.status_code in (404, 405), answer.text
    assert "Floor 10" not in answer.text


def chunk(name: bytes, content: bytes) -> bytes:
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, rows: bytes) -> bytes:
    """A grey PNG that claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


GOOD = png(8, 8, b"".join(b"\0" + random.Random(row).randbytes(8) for row in range(8)))
UPLOADS = {
    "empty": (b"", "must be one of PNG"),
    "text": (b"no picture at all", "must be one of PNG"),
    "cut": (GOOD[:-60], "must be one that Pillow reads"),
    "header": (GOOD[:20], "must be one of PNG"),
    "bomb": (png(60_000, 60_000, b""), "at most 40 million pixels"),
    "large": (png(7_000, 7_000, b""), "at most 40 million pixels"),
    "no pixels": (png(8, 8, b""), "must be one that Pillow reads"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "must be one of PNG"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "must be one of PNG"),
    "nothing high": (png(8, 0, b""), "must be one of PNG"),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_an_upload_must_be_a_picture(client, name):
    content, wanted = UPLOADS[name]
    assert wanted in refused(client.post("/api/encode", content=content), 422)


def test_a_good_upload_is_not(client):
    assert client.post("/api/encode", content=GOOD).status_code == 200


@pytest.mark.parametrize("route", ROUTES)
def test_a_large_body_is_refused_before_it_is_read(client, route):
    most = app.UPLOAD if route == "/api/encode" else 1024 + 40 * 64 * 4
    said = refused(client.post(route, content=bytes(most + 1)), 413)
    assert f"{most:,} bytes" in said
    claims = {"content-length": str(2**70)}
    refused(client.post(route, content=b"", headers=claims), 413)

    pieces = (bytes(2**20) for _ in range(most // 2**20 + 2))  # without a length
    refused(client.post(route, content=pieces), 413)


def test_a_body_that_never_ends_is_given_up(digits_url, monkeypatch):
    monkeypatch.setattr(app, "BODY_SECONDS", 0.2)
    place = urlsplit(digits_url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as slow:
        slow.sendall(
            f"POST /api/decode HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 99\r\n"
            "\r\n{".encode()
        )
        assert b" 408 " in slow.recv(1000).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "start",
    [b"", b"GET /", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "],
    ids=["nothing", "line", "header"],
)
def test_a_request_whose_headers_never_end_is_given_up(digits_url, monkeypatch, start):
    """Also where a byte drips in now and then; a second one on the connection as well."""
    monkeypatch.setattr(web, "CLIENT_SECONDS", 0.5)
    place, good = urlsplit(digits_url), b"GET /api/model HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for before in (b"", good):
        began = time.monotonic()
        with socket.create_connection((place.hostname, place.port), timeout=30) as slow:
            slow.sendall(before)
            if before:
                assert slow.recv(2**20).startswith(b"HTTP/1.1 200")
            slow.sendall(start)
            until_closed(slow, b"a" if start else b"")
            assert 0.4 < time.monotonic() - began < 18  # not 20 s, as without the patch


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8000",
        "192.168.1.5",
        "",
        "10.0.0.1:8000",
        "[::2]",
        "[::1",
        "0.0.0.0",
        "localhost@evil.example",
        "a" * 5000,
        "evil:port",
    ],
)
def test_another_name_of_this_machine_is_refused(client, host):
    """DNS rebinding: the browser thinks that it talks to evil.example."""
    for path in ("/", "/api/model"):
        refused(client.get(path, headers={"host": host}), 403)
    refused(client.post("/api/sample", json={}, headers={"host": host}), 403)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1", "127.0.0.2"]
)
def test_its_own_names_are_not(client, host):
    assert client.get("/api/model", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://[::1"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
)
def test_another_page_is_refused(client, headers):
    refused(client.post("/api/encode", content=GOOD, headers=headers), 403)
    refused(client.get("/api/model", headers=headers), 403)


def test_its_own_page_and_a_link_to_it_are_not(client):
    assert client.get("/api/model", headers={"origin": "http://127.0.0.1"}).status_code == 200
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200


def test_who_serves_the_network_answers_to_its_addresses_and_names_only(digits):
    client = TestClient(make_explore_app(digits, {"my-machine"}, public=True))
    for host in ("192.168.1.5:8000", "my-machine", "localhost", "[fe80::1]:8000"):
        assert client.get("/api/model", headers={"host": host}).status_code == 200
    refused(client.get("/api/model", headers={"host": "evil.example"}), 403)


def test_no_other_page_may_read_or_frame_an_answer(client):
    for path in ("/", "/api/model", "/nothing"):
        headers = client.get(path, headers={"origin": "http://127.0.0.1"}).headers
        assert not [name for name in headers if name.startswith("access-control")]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["z", "ends", "steps", "kind", "count", "temperature", "seed"])
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
LATENTS = st.lists(st.lists(st.floats() | st.integers(), min_size=4, max_size=4), max_size=3)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "z": JSON | LATENTS,
        "ends": JSON | LATENTS,
        "steps": JSON | st.integers(0, 70),
        "kind": JSON | st.sampled_from(["linear", "spherical"]),
        "count": JSON | st.integers(0, 70),
        "temperature": JSON | st.floats(-1, 11),
        "seed": JSON | st.integers(-1, 2**33),
    },
)


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    route=st.sampled_from(ROUTES),
    body=st.one_of(
        st.binary(max_size=300),
        JSON.map(json.dumps).map(str.encode),
        ASKED.map(json.dumps).map(str.encode),
        st.integers(0, len(GOOD) - 1).flatmap(
            lambda at: st.binary(min_size=1, max_size=4).map(
                lambda by: GOOD[:at] + by + GOOD[at + len(by) :]
            )
        ),
    ),
)
def test_whatever_is_sent_is_answered_or_refused(client, route, body):
    answer = client.post(route, content=body)
    if answer.status_code != 200:
        refused(answer, 400, 422)


def test_a_stream_of_noise_leaves_the_server_alive(digits_url):
    """Broken HTTP on real sockets: half of it does not even end."""
    place, rng = urlsplit(digits_url), random.Random(0)
    start = f"POST /api/decode HTTP/1.1\r\nHost: {place.netloc}\r\n".encode()
    pieces = [
        lambda: rng.randbytes(rng.randrange(1, 2000)),
        lambda: start + b"Content-Length: 10\r\n\r\n" + rng.randbytes(10),
        lambda: start + b"Content-Length: -1\r\n\r\n",
        lambda: start + b"Transfer-Encoding: chunked\r\n\r\n" + rng.randbytes(40),
        lambda: start + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        lambda: start + b"A: b\r\n" * 5000 + b"\r\n",
        lambda: b"GET /" + rng.randbytes(30) + b" HTTP/1.1\r\n\r\n",
        lambda: b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        lambda: start[: rng.randrange(len(start))],
    ]
    for number in range(300):
        with socket.create_connection((place.hostname, place.port), timeout=30) as one, shut_out():
            one.sendall(pieces[number % len(pieces)]())
            if number % 2:
                one.shutdown(socket.SHUT_WR)
                one.recv(100)
    with httpx.Client(trust_env=False) as client:
        answer = client.post(f"{digits_url}api/decode", json={"z": [Z]}, timeout=30)
    assert answer.status_code == 200
    assert len(np.frombuffer(answer.content, np.uint8)) == 8 * 8 * 4
