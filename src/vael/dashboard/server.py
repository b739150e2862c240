"""Floor 10: optuna-dashboard on a study, with a report of the sweep and of each trial."""

import errno
import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from vael.dashboard.overlay import Overlay, RunPictures
from vael.errors import ConfigError, VaelError
from vael.report.folder import read_run
from vael.report.page import render
from vael.sweep.report.write import render_study
from vael.sweep.study import Study

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOOPBACK = ("127.0.0.1", "localhost", "::1")
READ_ONLY = "This dashboard only looks: nothing of a study is changed here."


def make_app(study: Study) -> "WSGIApplication":
    """The dashboard of one study; it answers to reading only.

    Raises:
        ConfigError: optuna-dashboard is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages about each other
            from bottle import HTTPError, response
            from optuna_dashboard._app import create_app
    except ImportError as error:
        raise ConfigError("vael dashboard needs optuna-dashboard: "
                          "pip install 'vael[dashboard]'.") from error
    pictures = RunPictures(study.folder)
    overlay = Overlay(study.storage, study.id, study.definition.targets, pictures)
    app: Any = create_app(overlay, artifact_store=pictures)

    def report_of_sweep() -> str:
        response.content_type = "text/html; charset=utf-8"
        return render_study(study)

    def report_of_trial(number: int) -> Any:
        run = study.folder / "trials" / f"{number:04d}"
        if not (run / "config.yaml").is_file():
            return HTTPError(404, f"trial {number} has left nothing in {run}")
        response.content_type = "text/html; charset=utf-8"
        return render(read_run(run))

    app.get("/report", callback=report_of_sweep)
    app.get("/report/<number:int>", callback=report_of_trial)
    return _ReadOnly(app)


class _ReadOnly:
    """Refuses whatever would change the study: it may be running, and its numbers are final."""

    def __init__(self, app: "WSGIApplication") -> None:
        self.app = app

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return self.app(environ, start)
        start("403 Forbidden", [("Content-Type", "application/json")])
        return [json.dumps({"reason": READ_ONLY}).encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Without asking the network what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """No line for each request."""


def serve(folder: Path, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serves a sweep's study until Ctrl-C.

    Args:
        folder: the sweep's.
        host: to listen on.
        port: 0 takes any free one.
        tell: is told once, when it listens, where and to whom.

    Raises:
        ConfigError: the folder is no sweep's, or optuna-dashboard is not installed.
        StorageAway: the study's storage cannot be reached.
        VaelError: it cannot listen there.
    """
    study = Study.open(folder)
    app = make_app(study)
    try:
        server = make_server(host, port, app, server_class=_Server, handler_class=_Quiet)
    except (OSError, OverflowError) as error:
        raise VaelError(_refused(host, port, error)) from error
    with server:
        tell(f"study {study.definition.name}: http://{host}:{server.server_port}/dashboard/"
             f"studies/{study.id}   (Ctrl-C ends)")
        if host not in LOOPBACK:
            tell(f"it listens on {host}: whoever reaches this machine sees the study")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _refused(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use: give another by --port, or 0 for any free one."
    reason = error.strerror if isinstance(error, OSError) else "a port is a number below 65536"
    return f"cannot listen on {host}, port {port}: {reason}."
