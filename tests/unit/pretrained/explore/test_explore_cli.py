"""The command: what it refuses, what it says, and how it ends."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from vael.errors import CheckpointError, ConfigError
from vael.pretrained.explore.session import open_session
from vael.report import web


@pytest.fixture
def half(digits_run, tmp_path):
    """A copy of the run as it is while it trains: no summary yet."""
    folder = shutil.copytree(digits_run, tmp_path / "half")
    (folder / "summary.json").unlink()
    return folder


def test_an_unfinished_run_says_what_there_is(half):
    session = open_session(half)
    assert session.facts()["checkpoint"] == "best.ckpt"
    assert "half is not finished (running, or was killed)" in session.facts()["note"]
    (half / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(CheckpointError, match=r"no checkpoints/best\.ckpt; there is last: ask"):
        open_session(half)
    assert open_session(half, checkpoint="last").facts()["checkpoint"] == "last.ckpt"
    (half / "checkpoints" / "last.ckpt").unlink()
    with pytest.raises(CheckpointError, match=r"train it first \(vael train"):
        open_session(half, checkpoint="last")


def test_a_run_that_leaves_the_test_data_out_is_explored_with_val(half):
    config = half / "config.yaml"
    config.write_text(
        re.sub(
            r"(?m)^evaluation:$",
            "evaluation:\n  test: false",
            re.sub(r"(?m)^  test: true\n", "", config.read_text()),
        )
    )
    file = half / "checkpoints" / "best.ckpt"
    assert open_session(half).part.split == "val"
    assert open_session(half, split="test").part.split == "test"
    assert open_session(file, split="train", examples=50).count == 50


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tmp}"], r"{tmp} is not a run: it has no config\.yaml"),
        (["{tmp}/nowhere"], r"nowhere is neither a run's folder nor a checkpoint file"),
        (["{run}", "--split", "exam"], r"--split must be one of train, val, test, but got exam"),
        (
            ["{run}", "--checkpoint", "best.ckpt"],
            r"--checkpoint must be best or last, but got best",
        ),
        (["{run}", "--port", "70000"], r"--port must be from 0 .*, but got 70000"),
        (
            ["{run}", "--host", "no.such.host.invalid"],
            r"--host must be an address of this machine",
        ),
        (["{run}", "--host", "203.0.113.7"], r"cannot listen on 203\.0\.113\.7"),
        (["{run}", "--examples", "0"], r"--examples must be at least 2, but got 0"),
        (["{run}", "model=mlp_vae"], r"only the data can be another one .* 'model=mlp_vae'"),
        (["{run}", "data=digits", "data.image_size=12"], r"data\.image_size|shape"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line(arguments, said, digits_run, tmp_path, monkeypatch, capsys):
    from vael.cli.main import main

    names = {"tmp": tmp_path, "run": digits_run}
    given = [argument.format(**names) for argument in arguments]
    if "--port" not in given:
        given += ["--port", "0"]
    monkeypatch.setattr(sys, "argv", ["vael", "explore", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("vael: ")
    assert re.search(said.replace("{tmp}", re.escape(str(tmp_path))), line), line


def test_a_port_in_use_is_said_at_once_and_another_is_not_taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = rf"port {port} of 127\.0\.0\.1 is in use: .* \(--port 0 takes a free one\)"
        with pytest.raises(ConfigError, match=said):
            web.listen("127.0.0.1", port)


def test_an_answer_is_sent_at_once(digits_url):
    """Without TCP_NODELAY a body waits 40 ms for its headers: asyncio must see that it is TCP."""
    with web.listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("host", "address", "public"),
    [
        ("127.0.0.1", r"http://127\.0\.0\.1:\d+/", False),
        ("localhost", r"http://\S+:\d+/", False),
        ("0.0.0.0", r"http://127\.0\.0\.1:\d+/", True),
    ],
)
def test_it_says_who_can_reach_it(host, address, public, capsys):
    with web.listen(host, 0) as listener:
        web.announce(listener, "explore")
        assert web.is_loopback(listener) is not public
    said = capsys.readouterr()
    assert re.fullmatch(rf"explore at {address}  \(Ctrl-C ends it\)\n", said.out)
    assert (
        "everybody who can reach this machine can use it, without a password" in said.err
    ) is public


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_written_in_brackets():
    try:  # plain sockets decide: an error of ours must not look like a machine without it
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with web.listen("::1", 0) as listener:
        assert web.find_url(listener).startswith("http://[::1]:")
        assert web.is_loopback(listener)


@pytest.mark.slow
def test_ctrl_c_ends_it_at_once_with_a_line(digits_run, tmp_path):
    command = [sys.executable, "-m", "vael.cli", "explore", str(digits_run), "--port", "0"]
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "BROWSER": "false"},
        preexec_fn=lambda: signal.signal(  # a shell's background ignores it
            signal.SIGINT, signal.default_int_handler
        ),
    )
    try:
        line = started.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line).group()
        with httpx.Client(trust_env=False, timeout=60) as client:  # stays connected
            assert client.get(f"{address}api/model").json()["title"] == "mlp_vae on digits"
            began = time.monotonic()
            started.send_signal(signal.SIGINT)
            out, err = started.communicate(timeout=60)
            assert time.monotonic() - began < 30
    finally:
        started.kill()
        started.wait()
    assert started.returncode == 0
    assert out == ""
    assert err == "\nvael: explore has ended\n"
