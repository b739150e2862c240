"""Floor 12: the ``vael`` command: what it imports takes a while, and signals wait for its verb."""

import sys

from vael import early


def main() -> None:
    """Runs the command."""
    if sys.argv[1:2] in (["train"], ["evaluate"]):
        early.block()
    from vael.cli import main as command

    command()
