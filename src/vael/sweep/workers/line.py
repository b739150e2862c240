"""Line between a fork server and one who starts processes with it: JSON objects, one a line."""

import json
import socket
import time
from contextlib import suppress
from typing import Any

Message = dict[str, Any]


class ForkLine:
    """One end of a connection.

    Args:
        connection: a stream.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""

    def fileno(self) -> int:
        """Return the descriptor, for those who wait for several."""
        return self._socket.fileno()

    def write(self, message: Message) -> None:
        """Send a message; a reader that is gone shows when its answer is read."""
        self._socket.settimeout(None)
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def read(self, seconds: float | None) -> Message | None:
        """Read the next message; None where the other side is gone.

        Raises:
            TimeoutError: nothing came.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._rest:
            self._socket.settimeout(None if end is None else max(0.0005, end - time.monotonic()))
            try:
                got = self._socket.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                return None
            self._rest += got
        line, self._rest = self._rest.split(b"\n", 1)
        message: Message = json.loads(line)
        return message

    def close(self) -> None:
        """End the connection."""
        self._socket.close()
