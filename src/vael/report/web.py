"""A local web server: who may ask it, for how long, where it listens, how it runs and ends.

A page on the internet can make a browser send requests to 127.0.0.1, and by DNS rebinding even
read the answers: its own name then leads to this machine, but the ``Host`` header still has that
name. So a request must name this machine, and must not come from another page.
"""

import asyncio
import errno
import socket
import sys
import webbrowser
from collections.abc import Iterable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

import h11
import uvicorn
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from vael.errors import ConfigError

CLIENT_SECONDS = 20.0  # for a request's line and headers to arrive, and for an answer to be taken
CONNECTIONS = 64  # at once; one more is closed
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuse foreign requests, and add headers for the browser to every answer.

    Args:
        app: what is guarded.
        names: by which this machine may be asked for, besides loopback addresses.
        public: whether any IP address is such a name: one cannot be rebound.
        headers: of every answer, over those of `HEADERS`.
        key: of the sentence in the JSON object of a refusal.
    """

    def __init__(
        self,
        app: ASGIApp,
        names: Iterable[str] = (),
        public: bool = False,
        headers: Mapping[str, str] | None = None,
        key: str = "error",
    ) -> None:
        self.app, self.names, self.public = app, frozenset(names), public
        self.headers, self.key = {**HEADERS, **(headers or {})}, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may be asked."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        why = find_refusal(Headers(scope=scope), self.names, self.public)
        answer = self.app if why is None else JSONResponse({self.key: why}, 403)
        await answer(scope, receive, send_with_headers)


def find_refusal(headers: Mapping[str, str], names: Iterable[str], public: bool) -> str | None:
    """Return why a request is not answered; None where it is.

    Args:
        headers: by lower-case names.
        names: by which this machine may be asked for, besides loopback addresses.
        public: whether any IP address is such a name: one cannot be rebound.
    """
    host = headers.get("host", "")
    if not _names_us(host, {"localhost", *(name.lower() for name in names)}, public):
        return "this server answers to its own name only; open the address that it printed."
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    navigates = headers.get("sec-fetch-mode") == "navigate"
    foreign = origin is not None and origin.partition("://")[2] != host
    if foreign or (site == "cross-site" and not navigates):
        return "this server answers to its own page only."
    return None


def _names_us(host: str, names: set[str], public: bool) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in names:
        return True
    try:
        return ip_address(name).is_loopback or public
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; port 0 takes a free one.

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
    """Return whether only this machine can reach it."""
    return ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def own_names(listener: socket.socket, host: str) -> set[str]:
    """Return the names that others may ask for: none where only this machine can reach it."""
    if is_loopback(listener):
        return set()
    return {socket.gethostname(), socket.getfqdn(), host} - {"localhost"}


def find_url(listener: socket.socket) -> str:
    """Return where a browser on this machine finds it."""
    host, port = listener.getsockname()[:2]
    if ip_address(host.partition("%")[0]).is_unspecified:
        host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def announce(listener: socket.socket, title: str, path: str = "") -> None:
    """Print the address of a page, and who can use it."""
    print(f"{title} at {find_url(listener)}{path}  (Ctrl-C ends it)", flush=True)
    if not is_loopback(listener):
        host, port = listener.getsockname()[:2]
        names = own_names(listener, host) - {host}
        print(
            f"everybody who can reach this machine can use it, without a password: port {port} "
            f"of {', '.join(sorted(names))} and of its addresses",
            file=sys.stderr,
            flush=True,
        )


class Server(uvicorn.Server):
    """Answer to an app until `should_exit`; with SIGINT, `serve` ends with a KeyboardInterrupt.

    Args:
        app: an ASGI application.
        listener: see `listen`.
        title: of the page, printed with its address once it answers.
        path: of the page.
        browser: whether the page is opened in the user's browser.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        title: str,
        path: str = "",
        browser: bool = False,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=_PunctualProtocol,
            log_level="error",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self.listener, self.title, self.path, self.browser = listener, title, path, browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup([self.listener])
        announce(self.listener, self.title, self.path)
        if self.browser:
            with suppress(webbrowser.Error):
                webbrowser.open(find_url(self.listener) + self.path)


class _PunctualProtocol(H11Protocol):
    """Close connections that are too many, or whose client keeps the server waiting.

    Else a few dozen that send a header a minute would keep everybody else out.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client, too, that has closed its half after a whole request."""
        whole = self.conn.their_state is not h11.SEND_BODY
        answering = whole and self.cycle is not None and not self.cycle.response_complete
        if answering:
            self.cycle.keep_alive = False
        return answering

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()  # the next request, or what is still to be sent

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()  # an answer that nobody takes

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()

    def _watch(self) -> None:
        """Run the clock while the client is waited for, a new one for each request."""
        unsent = self.flow.write_paused or self.transport.is_closing()
        waits = self.conn.their_state is h11.IDLE or unsent
        if waits and self._late is None:
            self._late = self.loop.call_later(CLIENT_SECONDS, self.transport.abort)
        elif not waits and self._late is not None:
            self._late.cancel()
            self._late = None
