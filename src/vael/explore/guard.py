"""Floor 10: who may ask, and what every answer says to the browser.

A page on the internet can make a browser send requests to 127.0.0.1, and by DNS rebinding even
read the answers: its own name then leads to this machine, but the ``Host`` header still has that
name. So a request must name this machine, and must not come from another page.
"""

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
                               "img-src 'self' blob: data:; connect-src 'self'; "
                               "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # the next model may be served at the same address
}


class Guard:
    """Middleware that refuses foreign requests and adds the headers.

    Args:
        app: what is guarded.
        names: by which this machine may be asked for, besides loopback addresses.
        public: whether any IP address is such a name: one cannot be rebound.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = (), public: bool = False) -> None:
        self.app, self.public = app, public
        self.names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what may be asked."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        why = self._refusal(Headers(scope=scope))
        answer = self.app if why is None else JSONResponse({"error": why}, 403)
        await answer(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if not self._is_us(host):
            return "this server answers to its own name only; open the address that it printed."
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return "this server answers to its own page only."
        if headers.get("sec-fetch-site") == "cross-site" and headers.get(
            "sec-fetch-mode") != "navigate":
            return "this server answers to its own page only."
        return None

    def _is_us(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.names:
            return True
        try:
            return ip_address(name).is_loopback or self.public
        except ValueError:
            return False


def own_names() -> set[str]:
    """What this machine is called."""
    return {socket.gethostname(), socket.getfqdn()} - {"localhost"}
