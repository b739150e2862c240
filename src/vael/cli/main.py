"""The ``vael`` command: every verb, and how a user's mistake ends."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer

from vael.cli import sweep
from vael.cli.dashboard import dashboard
from vael.cli.evaluate import compare, evaluate, nondeterminism, verify
from vael.cli.explore import explore
from vael.cli.export import export
from vael.cli.generate import generate
from vael.cli.report import report
from vael.cli.train import train
from vael.distributed import signals
from vael.errors import VaelError, one_line, translate_resource_errors

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Variational autoencoders with numbers that can be compared.",
)
app.add_typer(sweep.app, name="sweep")
VERBS: tuple[Callable[..., None], ...] = (
    train, report, evaluate, verify, compare, nondeterminism, dashboard, explore, generate, export,
)  # fmt: skip
for verb in VERBS:
    app.command()(verb)
app.command(hidden=True)(sweep.sweep_node)
app.command(hidden=True)(sweep.sweep_worker)


@app.callback()
def root() -> None:
    """Variational autoencoders with numbers that can be compared."""


@app.command(hidden=True)
def fork_server(
    descriptor: Annotated[int, typer.Argument(help="Of a socket to the worker.")],
) -> None:
    """Fork the trials of the worker that starts this."""
    from vael.sweep.workers.forkserver import serve_trials

    serve_trials(descriptor, main)


def main() -> None:
    """Run the command; end a user's mistake in one line."""
    try:
        with translate_resource_errors():
            app()
    except VaelError as error:
        with suppress(OSError):  # a full disk must not hide the code
            print(f"vael: {one_line(error)}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except signals.StoppedEarly as stop:
        stop.tell()
        raise
    except KeyboardInterrupt:
        print("vael: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
