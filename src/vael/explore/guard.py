"""Floor 10: who may ask, and what every answer says to the browser."""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vael.visitors import refusal

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
        self.app, self.names, self.public = app, frozenset(names), public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what may be asked."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        why = refusal(Headers(scope=scope), self.names, self.public)
        answer = self.app if why is None else JSONResponse({"error": why}, 403)
        await answer(scope, receive, send_with_headers)
