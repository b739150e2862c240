"""The dashboard: optuna-dashboard on a study, with a report of the sweep and of each trial."""

import re
import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from vael.errors import ConfigError
from vael.report.contents import read_run
from vael.report.page import render_report
from vael.report.web import CONNECTIONS, Guard, Server, is_loopback, listen, own_names
from vael.runs.folder import RunFolder
from vael.sweep.dashboard.overlay import Overlay, RunPictures
from vael.sweep.report.page import render_study
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.records import trial_folder

TRIAL_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
LONGEST_BYTES = 8192  # of a path with its query


class ReadOnly:
    """Middleware that refuses whatever would change the study: it may be running.

    Args:
        app: optuna-dashboard's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on requests that read."""
        query = scope["query_string"].decode("ascii")
        after = parse_qs(query, keep_blank_values=True).get("after", [])
        if scope["method"] not in ("GET", "HEAD"):
            refusal = 403, "This dashboard only looks: nothing of a study is changed here."
        elif len(scope["raw_path"] + scope["query_string"]) > LONGEST_BYTES:
            refusal = 414, f"a path has at most {LONGEST_BYTES:,} bytes here."
        elif not all(map(TRIAL_NUMBER.fullmatch, after)):
            refusal = 400, "after must be the number of a trial."
        else:
            # it falls over where there is no such header
            headers = [*scope["headers"], (b"accept-encoding", b"")]
            if any(name == b"accept-encoding" for name, _ in scope["headers"]):
                headers.pop()
            await self.app({**scope, "headers": headers}, receive, send)
            return
        await JSONResponse({"reason": refusal[1]}, refusal[0])(scope, receive, send)


def make_dashboard(study: StudyReader, names: Iterable[str] = (), public: bool = False) -> Guard:
    """Make the dashboard of one study; it answers to reading only.

    Args:
        study: it is read whenever the page asks.
        names: by which this machine may be asked for, see `vael.report.web.Guard`.
        public: whether it can be reached from elsewhere.

    Raises:
        ConfigError: optuna-dashboard is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages about each other
            from a2wsgi import WSGIMiddleware
            from bottle import HTTPError, response
            from optuna_dashboard._app import create_app
    except ImportError as error:
        raise ConfigError(
            "vael dashboard needs optuna-dashboard: pip install optuna-dashboard a2wsgi."
        ) from error
    pictures = RunPictures(study.folder)
    overlay = Overlay(study.storage, study.id, study.definition.targets, pictures)
    app: Any = create_app(overlay, artifact_store=pictures)

    def report_of_sweep() -> str:
        response.content_type = "text/html; charset=utf-8"
        return render_study(study)

    def report_of_trial(number: int) -> Any:
        if not TRIAL_NUMBER.fullmatch(str(number)):
            return HTTPError(404, "there is no such trial")
        run = trial_folder(study.folder, number)
        if not RunFolder(run).is_run:
            return HTTPError(404, f"trial {number} has left nothing in {run}")
        response.content_type = "text/html; charset=utf-8"
        return render_report(read_run(run))

    app.get("/report", callback=report_of_sweep)
    app.get("/report/<number:int>", callback=report_of_trial)
    answers: Any = WSGIMiddleware(app, workers=CONNECTIONS)
    return Guard(ReadOnly(answers), names, public, key="reason")


def serve_dashboard(folder: Path, host: str, port: int) -> None:
    """Serve a sweep's study until Ctrl-C.

    Args:
        folder: the sweep's.
        host: to listen on.
        port: 0 takes any free one.

    Raises:
        ConfigError: the folder is no sweep's, optuna-dashboard is not installed, or it cannot
            listen there.
        StorageAway: the study's storage cannot be reached.
    """
    study = StudyReader.open(folder)
    title, path = f"study {study.definition.name}", f"dashboard/studies/{study.id}"
    with suppress(KeyboardInterrupt), listen(host, port) as listener:
        app = make_dashboard(study, own_names(listener, host), not is_loopback(listener))
        Server(app, listener, title, path).run()
