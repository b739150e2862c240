"""Floor 12: the ``vael`` command: what it imports takes a while, and signals wait for its verb."""

import sys

from vael.distributed import signals


def main() -> None:
    """Runs the command."""
    if sys.argv[1:2] in (["train"], ["evaluate"]):
        signals.block()
    from vael.cli import main as command

    command()
