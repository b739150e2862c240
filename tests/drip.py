"""A visitor of a server who lets his bytes drip in."""

import socket
import time


def until_closed(one: socket.socket, byte: bytes, most: float = 20) -> float:
    """Seconds until the server closes; the byte is sent again and again, answers are dropped."""
    began = time.monotonic()
    one.settimeout(0.05)
    try:
        while (passed := time.monotonic() - began) < most:
            one.sendall(byte)
            try:
                if not one.recv(65536):
                    return passed
            except TimeoutError:
                continue
    except OSError:
        return time.monotonic() - began
    raise AssertionError(f"still open after {most} s")
