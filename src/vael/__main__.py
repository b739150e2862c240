"""Entry of ``python -m vael``: the ``vael`` command."""

from vael.cli.__main__ import main

if __name__ == "__main__":
    main()
