"""Floor 10: the page at an address of this machine, until somebody stops it."""

import asyncio
import errno
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from vael import visitors
from vael.errors import ConfigError
from vael.visitors import CONNECTIONS


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        ConfigError: the port is in use, or the host is none of this machine.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"--port must be from 0 (a free one) to 65535, but got {port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With its protocol: asyncio sends at once (TCP_NODELAY) where it knows that it is TCP;
        # else a body waits up to 40 ms for the acknowledgement of its headers.
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"--host must be an address of this machine, but {host!r} is none ({error})."
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(CONNECTIONS)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} of {host} is in use: stop what uses it, or give "
                "another one (--port 0 takes a free one)."
            ) from error
        raise ConfigError(f"cannot listen on {host}, port {port}: {error.strerror}.") from error
    return listener


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach it."""
    return ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def url(listener: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    host, port = listener.getsockname()[:2]
    if ip_address(host.partition("%")[0]).is_unspecified:
        host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def server(app: ASGIApp, ready: Callable[[], None]) -> uvicorn.Server:
    """What answers; ``run(sockets=[listener])`` ends at once with SIGINT, a KeyboardInterrupt."""
    config = uvicorn.Config(
        app,
        http=_Punctual,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=1,
    )
    return _Server(config, ready)


class _Punctual(H11Protocol):
    """Closes a connection whose request does not get to its body in time.

    Else a few dozen that send a header a minute would keep everybody else out.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Stops it when the headers are there; the next request on the connection has its own."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()

    def _watch(self) -> None:
        waits = self.conn.their_state is h11.IDLE
        if waits and self._late is None:
            self._late = self.loop.call_later(visitors.HEADER_SECONDS, self._close)
        elif not waits and self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self._late = None
        if self.conn.their_state is h11.IDLE:
            self.transport.close()


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then says so."""
        await super().startup(sockets)
        self._ready()


def announce(listener: socket.socket, names: Iterable[str]) -> None:
    """Prints the address, and who can use it."""
    print(f"explore at {url(listener)}  (Ctrl-C ends it)", flush=True)
    if not is_loopback(listener):
        port = listener.getsockname()[1]
        print(
            f"everybody who can reach this machine can use it, without a password: port {port} "
            f"of {', '.join(sorted(names))} and of its addresses",
            file=sys.stderr,
            flush=True,
        )


def open_browser(listener: socket.socket) -> None:
    """In the user's browser, where there is one."""
    with suppress(webbrowser.Error):
        webbrowser.open(url(listener))
