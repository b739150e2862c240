"""Floor 10: which requests get through to the dashboard, and how long one may take to arrive."""

import json
import re
import socket
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from vael import visitors

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READ_ONLY = "This dashboard only looks: nothing of a study is changed here."
PLACE = re.compile(r"\d{1,9}", re.ASCII)
LONGEST = 8192  # bytes of a path with its query
HEADERS = [
    ("Content-Security-Policy", "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
ASKED = {
    "HTTP_HOST": "host",
    "HTTP_ORIGIN": "origin",
    "HTTP_SEC_FETCH_SITE": "sec-fetch-site",
    "HTTP_SEC_FETCH_MODE": "sec-fetch-mode",
}


class Door:
    """Refuses who is none of ours, and whatever would change the study: it may be running."""

    def __init__(self, app: "WSGIApplication", names: Iterable[str], public: bool) -> None:
        self.app, self.names, self.public = app, frozenset(names), public

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answers, with headers for the browser."""

        def start_with(
            status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None
        ) -> Any:
            return start(status, [*headers, *HEADERS], exc_info)

        asked = {name: environ[key] for key, name in ASKED.items() if key in environ}
        why = visitors.refusal(asked, self.names, self.public)
        status = "403 Forbidden"
        if why is None and environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            why = READ_ONLY
        if why is None and len(environ["PATH_INFO"] + environ["QUERY_STRING"]) > LONGEST:
            why, status = f"a path has at most {LONGEST:,} bytes here.", "414 URI Too Long"
        if why is None and not all(
            map(
                PLACE.fullmatch,
                parse_qs(environ["QUERY_STRING"], keep_blank_values=True).get("after", []),
            )
        ):
            why, status = "after must be the number of a trial.", "400 Bad Request"
        if why is None:
            environ.setdefault("HTTP_ACCEPT_ENCODING", "")  # it falls over where there is none
            return self.app(environ, start_with)
        start_with(status, [("Content-Type", "application/json")])
        return [json.dumps({"reason": why}).encode()]


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each of so many connections; one more is closed at once."""

    daemon_threads = True
    request_queue_size = visitors.CONNECTIONS

    def __init__(self, *arguments: Any) -> None:
        self._free = threading.Semaphore(visitors.CONNECTIONS)
        super().__init__(*arguments)

    def server_bind(self) -> None:
        """Without asking the network what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Where there is room."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Makes room when it is done."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who is gone is no fault of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(WSGIRequestHandler):
    """One request, whose line and headers must arrive in time, and whose answer must be taken."""

    def handle(self) -> None:
        """Waits for it with a clock that bytes which drip in do not stop."""
        self.connection.settimeout(visitors.HEADER_SECONDS)
        self._clock = threading.Timer(visitors.HEADER_SECONDS, self._give_up)
        self._clock.daemon = True
        self._clock.start()
        try:
            super().handle()
        finally:
            self._clock.cancel()

    def parse_request(self) -> bool:
        """Whether it is one; the clock stops."""
        found = super().parse_request()
        self._clock.cancel()
        return found and not self._gone

    _gone = False

    def _give_up(self) -> None:
        self._gone = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        """No line for each request."""
