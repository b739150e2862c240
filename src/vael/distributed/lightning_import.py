"""Import Lightning without what a training never uses: scipy and matplotlib."""

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from unittest.mock import patch

UNUSED = ("scipy", "matplotlib")


def import_lightning() -> None:
    """Import Lightning; the torchmetrics below it does not see scipy and matplotlib.

    It would import both at once, for sounds and for plots of its metrics (measured: 90 MiB and
    1.1 s, where torch itself takes 195 MiB and 1 s). Whoever needs them afterwards imports them
    as ever; only ``plot`` of torchmetrics' own metrics is refused in this process.
    """
    if "torchmetrics" in sys.modules:
        return
    from lightning_utilities.core import imports

    available = imports.package_available

    def seen(name: str) -> bool:
        return name not in UNUSED and available(name)

    def seen_version(name: str) -> str:
        if name in UNUSED:
            raise PackageNotFoundError(name)
        return version(name)

    with (
        patch.object(imports, "package_available", seen),
        patch.object(imports, "_version", seen_version, create=True),
    ):
        importlib.import_module("pytorch_lightning")
