"""A visitor of a server who lets his bytes drip in, and one whom the server shuts out."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def shut_out() -> Iterator[None]:
    """Ends the block where the server has closed the connection, at whichever call that shows."""
    try:
        yield
    except ConnectionError:
        pass
    except OSError as error:
        if error.errno != errno.ENOTCONN:  # a reset that arrived between sendall and shutdown
            raise


def until_closed(one: socket.socket, byte: bytes, most: float = 20) -> None:
    """Waits until the server closes; the byte is sent again and again, answers are dropped."""
    end = time.monotonic() + most
    one.settimeout(0.05)
    try:
        while time.monotonic() < end:
            one.sendall(byte)
            try:
                if not one.recv(65536):
                    return
            except TimeoutError:
                continue
    except OSError:
        return
    raise AssertionError(f"still open after {most} s")
