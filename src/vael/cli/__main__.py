"""Entry of the ``vael`` command and of ``python -m vael.cli``.

Importing the verbs takes a while: until a run listens, signals wait for it.
"""

import os
import sys

from vael.distributed import signals


def main() -> None:
    """Run the command; code of one's own that stands beside ``./conf`` can be imported."""
    if sys.argv[1:2] in (["train"], ["evaluate"]):
        signals.block()
    if os.path.isdir("conf") and not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())
    from vael.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
