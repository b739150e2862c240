"""Serve a folder of runs: a page that lists them, and below it the explorer of each."""

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from vael.config.yaml import read_settings
from vael.errors import VaelError
from vael.pretrained.explore.app import PAGE, Api, make_app
from vael.pretrained.explore.requests import RequestRefused
from vael.pretrained.explore.session import Session
from vael.report.contents import name_data
from vael.report.page import open_template
from vael.runs.folder import RunFolder
from vael.runs.listing import ListedRun, list_runs

TEMPLATES = Path(__file__).parent / "templates"
LISTED = 200  # runs on the page, the newest
OPEN = 4  # models in memory at once


class ManyRuns:
    """List the runs below a folder; open the model of each when it is first asked for.

    Args:
        folder: of runs, or of a search.
        open_one: from a run's folder to its model.
    """

    def __init__(self, folder: Path, open_one: Callable[[Path], Session]) -> None:
        self.folder, self._open_one = folder, open_one
        self._runs: list[Path] = []  # a run's number is its place, which stays
        self._opened: dict[int, Router] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="runs")

    async def page(self, request: Request) -> Response:
        """Answer the list, read anew."""
        loop = asyncio.get_running_loop()
        return HTMLResponse(await loop.run_in_executor(self._pool, self._render))

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what the page of one run asks of its model."""
        loop, number = asyncio.get_running_loop(), scope["path_params"]["number"]
        opened = await loop.run_in_executor(self._pool, self._open, number)
        await opened(scope, receive, send)

    def _open(self, number: int) -> Router:
        if number >= len(self._runs):
            raise RequestRefused(404, f"there is no run {number} here: go back to the list.")
        router = self._opened.pop(number, None)
        if router is None:
            run = self._runs[number]
            router = Router(routes=Api(self._open_one(run), self._name(run)).routes())
        self._opened = {**dict([*self._opened.items()][-OPEN + 1 :]), number: router}
        return router

    def _render(self) -> str:
        runs = list_runs(self.folder)
        known = set(self._runs)
        self._runs += [run.folder for run in runs if run.folder not in known]
        return open_template("runs.html", TEMPLATES).render(
            folder=str(self.folder),
            total=len(runs),
            rows=[self._row(run) for run in runs[:LISTED]],
        )

    def _row(self, run: ListedRun) -> dict[str, Any]:
        folder, config = RunFolder(run.folder), DictConfig({})
        weights = any(folder.checkpoints.glob("*.ckpt"))
        dropped = folder.has_trained and not weights
        with suppress(VaelError):
            config = read_settings(folder.config)

        def node(path: str) -> Any:
            return OmegaConf.select(config, path, default="")

        return {
            "number": self._runs.index(run.folder),
            "name": self._name(run.folder),
            "settings": " ".join(run.settings),
            "started": time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started)),
            "model": node("choices.model"),
            "data": name_data(str(node("choices.data")), node("data.path")),
            "latents": node("model.latent_dim")
            or "\u00d7".join(map(str, node("model.latent_shape"))),
            "score": run.score_text,
            "status": f"{run.status}, weights not kept" if dropped else run.status,
            "weights": weights,
        }

    def _name(self, run: Path) -> str:
        return run.relative_to(self.folder).as_posix()


def make_runs_app(
    folder: Path,
    open_one: Callable[[Path], Session],
    names: Iterable[str] = (),
    public: bool = False,
) -> Starlette:
    """Make the application of a folder of runs.

    Args:
        folder: of runs, or of a search.
        open_one: from a run's folder to its model; an error that it raises is shown.
        names: by which this machine may be asked for, see `vael.report.web.Guard`.
        public: whether it can be reached from elsewhere.
    """
    runs = ManyRuns(folder, open_one)

    async def style(request: Request) -> Response:
        return FileResponse(PAGE / "explore.css")

    routes = [
        Route("/", runs.page),
        Route("/explore.css", style),
        Mount("/runs/{number:int}/api", runs.answer),
        Mount("/runs/{number:int}", StaticFiles(directory=PAGE, html=True)),
    ]
    return make_app(routes, names, public)
