"""Make the ASGI application of the page: its requests are answered one at a time."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from vael.errors import VaelError
from vael.pretrained.explore.requests import (
    RequestRefused,
    read_latents,
    read_number,
    read_object,
    read_told,
    read_whole,
)
from vael.pretrained.explore.session import Session
from vael.report.web import Guard

PAGE = Path(__file__).parent / "page"
MOST = 64  # latents in a request
UPLOAD = 16 * 2**20  # bytes of a picture file
BODY_SECONDS = 20.0  # for a body to arrive
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # the next model may be served at the same address
}

T = TypeVar("T")


class Api:
    """Handle the requests; the model computes in one thread, so that requests queue up for it.

    Args:
        session: the model.
        name: of its run, where there are several.
    """

    def __init__(self, session: Session, name: str = "") -> None:
        self.session, self.name = session, name
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._facts = session.facts()
        self._classes = [each["classes"] for each in self._facts["told"]]
        numbers = MOST * session.latent_dim + len(self._classes)
        self.json_bytes = 1024 + 40 * numbers  # with all digits

    async def _compute(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)

    async def facts(self, request: Request) -> Response:
        """Say what the model is."""
        limits = {"latents": MOST, "upload": UPLOAD}
        return JSONResponse({**self._facts, "name": self.name, "limits": limits})

    async def plane(self, request: Request) -> Response:
        """Answer ``?axes=pca``, or ``?axes=3,7``: a plane with the examples in it."""
        axes = request.query_params.get("axes", "")
        try:
            dims = None if axes == "pca" else [int(part) for part in axes[:40].split(",")]
        except ValueError as error:
            raise RequestRefused(
                400, "axes must be pca or two latent dimensions, like 3,7."
            ) from error
        plane = await self._compute(self.session.atlas.plane, dims)
        return JSONResponse(
            {
                "names": plane.names,
                "centre": plane.centre.tolist(),
                "axes": plane.axes.tolist(),
                "u": [[round(value, 4) for value in column] for column in plane.u.T.tolist()],
            }
        )

    async def example(self, request: Request) -> Response:
        """Answer the latent of an example."""
        number = request.path_params["number"]
        z, told = self.session.example(number), self.session.told_of(number)
        return JSONResponse({"z": z.tolist(), "told": [] if told is None else told[0].tolist()})

    async def original(self, request: Request) -> Response:
        """Answer the frame of an example."""
        return _frames(await self._compute(self.session.original, request.path_params["number"]))

    async def decode(self, request: Request) -> Response:
        """Answer ``{"z": [[...], ...]}``: a frame for each; a conditional model needs ``told``."""
        wanted = read_object(await _body(request, self.json_bytes))
        z = read_latents(wanted, "z", self.session.latent_dim, MOST)
        told = read_told(wanted, self._classes)
        return _frames(await self._compute(self.session.decode, z, told))

    async def sample(self, request: Request) -> Response:
        """Answer ``{"count", "temperature", "seed"}``: latents from the prior."""
        wanted = read_object(await _body(request, self.json_bytes))
        z = await self._compute(
            self.session.sample,
            read_whole(wanted, "count", 1, MOST),
            read_number(wanted, "temperature", 0, 10),
            read_whole(wanted, "seed", 0, 2**32 - 1),
            read_told(wanted, self._classes),
        )
        return JSONResponse({"z": z.tolist()})

    async def path(self, request: Request) -> Response:
        """Answer ``{"ends": [[...], [...]], "steps", "kind"}``: latents from one to the other."""
        wanted = read_object(await _body(request, self.json_bytes))
        ends = read_latents(wanted, "ends", self.session.latent_dim, 2)
        if len(ends) != 2:
            raise RequestRefused(400, "ends must be two latents.")
        z = self.session.between(
            ends[0], ends[1], read_whole(wanted, "steps", 2, MOST), str(wanted.get("kind"))
        )
        return JSONResponse({"z": z.tolist()})

    async def codes(self, request: Request) -> Response:
        """Answer ``{"z": [[...]], "place"}``: the codes of z, and z with others at a place."""
        wanted = read_object(await _body(request, self.json_bytes))
        z = read_latents(wanted, "z", self.session.latent_dim, 1)[0]
        place = read_whole(wanted, "place", 0, self.session.latent_dim)
        return JSONResponse(await self._compute(self.session.choose, z, place))

    async def encode(self, request: Request) -> Response:
        """Answer a picture file with its latent and its frame in base64; ``?invert=true``."""
        content = await _body(request, UPLOAD)
        invert = request.query_params.get("invert") == "true"
        try:
            wanted = {"told": json.loads(request.query_params.get("told", "[]")[:1000])}
        except (ValueError, RecursionError) as error:
            raise RequestRefused(400, "told must be a list of numbers.") from error
        told = read_told(wanted, self._classes)
        found = await self._compute(self.session.encode, content, invert, told)
        frame = base64.b64encode(found.frame).decode()
        return JSONResponse({"z": found.z.tolist(), "frame": frame, "note": found.note})

    def routes(self) -> list[Route]:
        """Return what is answered below ``/api``."""
        return [
            Route("/model", self.facts),
            Route("/plane", self.plane),
            Route("/examples/{number:int}", self.example),
            Route("/examples/{number:int}/original", self.original),
            Route("/decode", self.decode, methods=["POST"]),
            Route("/sample", self.sample, methods=["POST"]),
            Route("/path", self.path, methods=["POST"]),
            Route("/codes", self.codes, methods=["POST"]),
            Route("/encode", self.encode, methods=["POST"]),
        ]


def make_explore_app(
    session: Session, names: Iterable[str] = (), public: bool = False
) -> Starlette:
    """Make the application of the page and its requests.

    Args:
        session: the model.
        names: by which this machine may be asked for, see `vael.report.web.Guard`.
        public: whether it can be reached from elsewhere.
    """
    page = Mount("/", StaticFiles(directory=PAGE, html=True))
    return make_app([Mount("/api", routes=Api(session).routes()), page], names, public)


def make_app(
    routes: Sequence[BaseRoute], names: Iterable[str] = (), public: bool = False
) -> Starlette:
    """Guard routes, and answer an error of vael's with its line; see `make_explore_app`."""
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, names=names, public=public, headers=HEADERS)],
        exception_handlers={VaelError: _say},  # type: ignore[dict-item]
    )


async def _say(request: Request, error: VaelError) -> Response:
    status = error.status if isinstance(error, RequestRefused) else 422
    return JSONResponse({"error": str(error)}, status)


async def _body(request: Request, most: int) -> bytes:
    """Read all of a body, refused as soon as it is seen to be too large.

    Raises:
        RequestRefused: it is too large, or takes too long.
    """
    too_large = RequestRefused(413, f"a request here must have at most {most:,} bytes.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise too_large
    except TimeoutError as error:
        raise RequestRefused(408, f"a request must arrive within {BODY_SECONDS:.0f} s.") from error
    return bytes(body)


def _frames(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream")
