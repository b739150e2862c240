"""Entry of the ``vael`` command and of ``python -m vael.cli``.

Importing the verbs takes a while: until a run listens, signals wait for it.
"""

import sys

from vael.distributed import signals


def main() -> None:
    """Run the command."""
    if sys.argv[1:2] in (["train"], ["evaluate"]):
        signals.block()
    from vael.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
