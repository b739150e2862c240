"""``vael explore``: a trained model in the browser."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vael.cli.arguments import Allow, OtherData, Which
from vael.cli.completion import complete_run
from vael.errors import ConfigError
from vael.runs.listing import holds_runs, resolve_run


def resolve_place(given: Path) -> Path:
    """Return what a user means by PLACE: a folder that holds runs, or a run."""
    return given if holds_runs(given) else resolve_run(given)


def explore(
    place: Annotated[
        Path,
        typer.Argument(
            help="A run's folder, or latest; a checkpoint file; a folder of runs, to choose one.",
            callback=resolve_place,
            autocompletion=complete_run,
        ),
    ],
    overrides: OtherData = None,
    checkpoint: Which = "best",
    split: Annotated[
        str | None, typer.Option(help="Of the map; default: test, or val if the run has no test.")
    ] = None,
    examples: Annotated[int, typer.Option(help="On the map at most.")] = 10_000,
    host: Annotated[str, typer.Option(help="To listen on; 0.0.0.0: for everybody.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: a free one.")] = 8000,
    open_: Annotated[
        bool | None, typer.Option("--open/--no-open", help="A browser; default: on a terminal.")
    ] = None,
    allow: Allow = None,
) -> None:
    """Play with a trained model in the browser: sliders, a map of its data, interpolation."""
    from vael.pretrained.explore.app import make_explore_app
    from vael.pretrained.explore.many_runs import make_runs_app
    from vael.pretrained.explore.session import open_session
    from vael.report.web import Server, is_loopback, listen, own_names

    if examples < 2:
        raise ConfigError(f"--examples must be at least 2, but got {examples}.")
    try:
        with listen(host, port) as listener:
            open_one = partial(
                open_session,
                overrides=tuple(overrides or ()),
                checkpoint=checkpoint,
                split=split,
                examples=examples,
                allow=tuple(allow or ()),
            )
            who = own_names(listener, host), not is_loopback(listener)
            if holds_runs(place):
                page = make_runs_app(place, open_one, *who)
            else:
                session = open_one(place)
                if session.note:
                    print(f"note: {session.note}", file=sys.stderr)
                page = make_explore_app(session, *who)
            browser = sys.stdout.isatty() if open_ is None else open_
            Server(page, listener, "explore", browser=browser).run()
    except KeyboardInterrupt:  # the way to end it
        print("\nvael: explore has ended", file=sys.stderr)
