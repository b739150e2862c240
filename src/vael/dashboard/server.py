"""Floor 10: optuna-dashboard on a study, with a report of the sweep and of each trial."""

import errno
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import make_server

from vael.dashboard.door import Door, Handler, Server
from vael.dashboard.overlay import Overlay, RunPictures
from vael.errors import ConfigError, VaelError
from vael.report.folder import read_run
from vael.report.page import render
from vael.sweep.report.write import render_study
from vael.sweep.study import Study
from vael.visitors import own_names

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MOST_DIGITS = 9  # of a trial's number


def make_app(study: Study, names: Iterable[str] = (), public: bool = False) -> "WSGIApplication":
    """The dashboard of one study; it answers to reading only.

    Args:
        study: it is read whenever the page asks.
        names: by which this machine may be asked for, see `vael.visitors.refusal`.
        public: whether it can be reached from elsewhere.

    Raises:
        ConfigError: optuna-dashboard is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages about each other
            from bottle import HTTPError, response
            from optuna_dashboard._app import create_app
    except ImportError as error:
        raise ConfigError(
            "vael dashboard needs optuna-dashboard: pip install 'vael[dashboard]'."
        ) from error
    pictures = RunPictures(study.folder)
    overlay = Overlay(study.storage, study.id, study.definition.targets, pictures)
    app: Any = create_app(overlay, artifact_store=pictures)

    def report_of_sweep() -> str:
        response.content_type = "text/html; charset=utf-8"
        return render_study(study)

    def report_of_trial(number: int) -> Any:
        if len(str(number)) > MOST_DIGITS:
            return HTTPError(404, "there is no such trial")
        run = study.folder / "trials" / f"{number:04d}"
        if not (run / "config.yaml").is_file():
            return HTTPError(404, f"trial {number} has left nothing in {run}")
        response.content_type = "text/html; charset=utf-8"
        return render(read_run(run))

    app.get("/report", callback=report_of_sweep)
    app.get("/report/<number:int>", callback=report_of_trial)
    return Door(app, names, public)


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
    public = host not in LOOPBACK
    app = make_app(study, {*own_names(), host} if public else (), public)
    try:
        server = make_server(host, port, app, server_class=Server, handler_class=Handler)
    except (OSError, OverflowError) as error:
        raise VaelError(_refused(host, port, error)) from error
    with server:
        tell(
            f"study {study.definition.name}: http://{host}:{server.server_port}/dashboard/"
            f"studies/{study.id}   (Ctrl-C ends)"
        )
        if public:
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
