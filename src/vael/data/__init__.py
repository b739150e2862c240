"""Data: sources that decode once, a cache, splits, batches, the DataModule.

Every name is imported when it is first asked for: a source needs no Lightning.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vael.data.module import VaelData
    from vael.data.source import Arrays, Decoded, Lazy, Source

__all__ = ["Arrays", "Decoded", "Lazy", "Source", "VaelData"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name in __all__:
        module = "module" if name == "VaelData" else "source"
        return getattr(import_module(f"vael.data.{module}"), name)
    raise AttributeError(f"module 'vael.data' has no attribute {name!r}")
