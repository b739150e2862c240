"""Floor 11: the ``vael`` command; torch is imported only by the verbs that need it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vael.errors import VaelError
from vael.status import as_text, read_summary

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
                  help="Variational autoencoders with numbers that can be compared.")


@app.callback()
def root() -> None:
    """Variational autoencoders with numbers that can be compared."""


@app.command()
def train(
    run: Annotated[Path, typer.Argument(help="A run's folder: it has a config.yaml.")],
    discard_on_error: Annotated[
        bool, typer.Option(hidden=True, help="Remove the folder if the run cannot start.")
    ] = False,
) -> None:
    """Train what RUN/config.yaml says, or continue an unfinished run from its last.ckpt."""
    before = read_summary(run)
    if before is None or before["status"] != "finished":
        from vael.devices import is_first
        from vael.run import train as train_run

        train_run(run, discard_on_error)
        if not is_first():
            return
    else:
        print(f"{run} is finished; another run: {before['command']}")
    summary = read_summary(run)
    assert summary is not None
    print(as_text(summary))
    print(f"report  {(run / 'report.html').resolve()}")


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
) -> None:
    """Write RUN/report.html anew from what is in the folder."""
    from vael.report.page import write_report

    if not (run / "config.yaml").is_file():
        raise VaelError(f"{run} is not a run: it has no config.yaml.")
    print(write_report(run).resolve())


def main() -> None:
    """Runs the command; a user's mistake ends in one line."""
    try:
        app()
    except VaelError as error:
        print(f"vael: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        print("vael: interrupted", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
