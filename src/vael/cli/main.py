"""The ``vael`` command: every verb, and how a user's mistake ends."""

import importlib.metadata
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer

from vael.cli import sweep
from vael.cli.compress import compress, decompress
from vael.cli.dashboard import dashboard
from vael.cli.evaluate import compare, evaluate, nondeterminism, verify
from vael.cli.explore import explore
from vael.cli.export import export
from vael.cli.generate import generate
from vael.cli.list_runs import list_
from vael.cli.new import new
from vael.cli.report import report
from vael.cli.sweep_processes import make_fork_server, sweep_node, sweep_probe, sweep_worker
from vael.cli.train import train
from vael.distributed import signals
from vael.errors import VaelError, one_line, translate_resource_errors

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Variational autoencoders with numbers that can be compared.",
)
app.command(
    short_help="Train a new run, or go on with one.",
    context_settings={"ignore_unknown_options": True},
    add_help_option=False,  # Hydra's lists the groups and settings
)(train)
app.add_typer(sweep.app, name="sweep", short_help="Search over settings, or go on with a search.")
VERBS: tuple[tuple[Callable[..., None], str], ...] = (
    (list_, "List the runs that there are."),
    (report, "Write the page of a run, a search, or two runs."),
    (explore, "Play with a trained model in the browser."),
    (generate, "Write pictures, GIFs or arrays of a trained model."),
    (evaluate, "Score a trained model thoroughly."),
    (compare, "Print the scores of several runs side by side."),
    (verify, "Score a run again: are the numbers the same?"),
    (nondeterminism, "Measure which randomness moves a score."),
    (export, "Write a model to take elsewhere."),
    (compress, "Write examples to a file of the size of the bound."),
    (decompress, "Write the examples of such a file again."),
    (dashboard, "Look at a search in the browser, or on wandb."),
    (new, "Start a project with parts of your own."),
)
for verb, summary in VERBS:
    app.command(verb.__name__.rstrip("_"), short_help=summary)(verb)
for hidden in (sweep_node, sweep_probe, sweep_worker):
    app.command(hidden=True)(hidden)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"vael {importlib.metadata.version('vael')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Variational autoencoders with numbers that can be compared."""


def main() -> None:
    """Run the command; end a user's mistake in one line."""
    os.environ["MPLBACKEND"] = "Agg"  # no window is opened; that of a notebook may not be there
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


app.command("fork-server", hidden=True)(make_fork_server(main))
