"""``vael explore``: a trained model in the browser."""

import sys
from typing import Annotated

import typer

from vael.cli.arguments import Allow, OtherData, Run, Which
from vael.errors import ConfigError


def explore(
    run: Run,
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
    """Play with RUN's model in the browser: sliders, a map of its data, interpolation."""
    from vael.pretrained.explore.app import make_explore_app
    from vael.pretrained.explore.session import open_session
    from vael.web import Server, is_loopback, listen, own_names

    if examples < 2:
        raise ConfigError(f"--examples must be at least 2, but got {examples}.")
    try:
        with listen(host, port) as listener:
            session = open_session(
                run, tuple(overrides or ()), checkpoint, split, examples, tuple(allow or ())
            )
            if session.note:
                print(f"note: {session.note}", file=sys.stderr)
            page = make_explore_app(session, own_names(listener, host), not is_loopback(listener))
            browser = sys.stdout.isatty() if open_ is None else open_
            Server(page, listener, "explore", browser=browser).run()
    except KeyboardInterrupt:  # the way to end it
        print("\nvael: explore has ended", file=sys.stderr)
