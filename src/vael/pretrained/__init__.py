"""Use a trained model: load, score, generate, export, explore.

Every name is imported when it is first asked for: options are checked before torch is imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vael.pretrained.loading import load_model
    from vael.pretrained.model import Model
    from vael.pretrained.trained import Trained, load_trained

__all__ = ["Model", "Trained", "load_model", "load_trained"]
_PLACES = {"Model": "model", "load_model": "loading"}


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name in __all__:
        module = _PLACES.get(name, "trained")
        return getattr(import_module(f"vael.pretrained.{module}"), name)
    raise AttributeError(f"module 'vael.pretrained' has no attribute {name!r}")
