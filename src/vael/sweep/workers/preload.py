"""Imports of a fork server: all that a trial and a worker need. Nothing is computed."""

import importlib
import pkgutil
from pathlib import Path

from vael.runs.provenance import NOT_TRAINING

OF_WORKERS = ("vael.cli.main", "vael.config.compose", "vael.sweep.workers.worker")


def preload() -> None:
    """Import what a trial and a worker need; compute nothing.

    Children of a process that has computed on two threads hang when they do.
    """
    from PIL import Image

    from vael.distributed.lightning_import import import_lightning

    import_lightning()
    for module in pkgutil.walk_packages([str(Path(__file__).parents[2])], "vael."):
        if module.name.split(".")[1] not in NOT_TRAINING:
            importlib.import_module(module.name)
    for name in OF_WORKERS:
        importlib.import_module(name)
    Image.preinit()  # it would import the plugins of formats at the first picture
