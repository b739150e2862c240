"""A web server of ours in a thread, as its user would start it."""

import threading
import time
from contextlib import contextmanager

from vael.report import web


@contextmanager
def serving(app, path=""):
    """Serves an application on a free port; gives its address."""
    with web.listen("127.0.0.1", 0) as listener:
        made = web.Server(app, listener, "test", path)
        thread = threading.Thread(target=made.run)
        thread.start()
        try:
            until = time.monotonic() + 100
            while not made.started:
                assert time.monotonic() < until
                time.sleep(0.01)
            yield web.find_url(listener) + path
        finally:
            made.should_exit = True
            thread.join(30)
