"""Floor 0: who may ask a server of ours.

A page on the internet can make a browser send requests to 127.0.0.1, and by DNS rebinding even
read the answers: its own name then leads to this machine, but the ``Host`` header still has that
name. So a request must name this machine, and must not come from another page.
"""

import socket
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

HEADER_SECONDS = 20.0  # for a request's line and headers to arrive
CONNECTIONS = 64  # at once


def refusal(headers: Mapping[str, str], names: Iterable[str], public: bool) -> str | None:
    """Why this request is not answered; None where it is.

    Args:
        headers: by lower-case names.
        names: by which this machine may be asked for, besides loopback addresses.
        public: whether any IP address is such a name: one cannot be rebound.
    """
    host = headers.get("host", "")
    if not _is_us(host, {"localhost", *(name.lower() for name in names)}, public):
        return "this server answers to its own name only; open the address that it printed."
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        return "this server answers to its own page only."
    if (
        headers.get("sec-fetch-site") == "cross-site"
        and headers.get("sec-fetch-mode") != "navigate"
    ):
        return "this server answers to its own page only."
    return None


def _is_us(host: str, names: set[str], public: bool) -> bool:
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


def own_names() -> set[str]:
    """What this machine is called."""
    return {socket.gethostname(), socket.getfqdn()} - {"localhost"}
