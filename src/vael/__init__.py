"""vael: variational autoencoders with numbers that can be compared.

    run = vael.train(data="digits", **{"objective.beta": 4})    # a run: .scores .model .report
    run = vael.fit(array)                                       # the same on numbers in memory
    found = vael.search("latent_beta_likelihood", trials=20)    # a search: .trials .best
    model = vael.load("outputs/NAME/TIME")                      # a trained model
    lit, data = vael.build(data="digits")                       # for a Lightning trainer of yours

Letters used throughout: ``S`` samples of q per example, ``B`` batch, ``E`` event shape of x
(``C, H, W`` or ``D``), ``Z`` event shape of a latent, ``D`` = prod(E), ``d`` latent size.
The order of dimensions is torch's: sample, batch, event. Every log-density and rate is
``(S, B)``, in nats per example.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vael.api.lightning import build
    from vael.api.memory import fit
    from vael.api.run import RunResult, train
    from vael.api.search import SearchResult, search
    from vael.data.module import VaelData
    from vael.errors import VaelError
    from vael.pretrained.loading import load_model as load
    from vael.pretrained.model import Model
    from vael.training.module import LitVAE

__all__ = [
    "LitVAE",
    "Model",
    "RunResult",
    "SearchResult",
    "VaelData",
    "VaelError",
    "build",
    "fit",
    "load",
    "search",
    "train",
]
_PLACES = {
    "LitVAE": "vael.training.module",
    "Model": "vael.pretrained.model",
    "RunResult": "vael.api.run",
    "SearchResult": "vael.api.search",
    "VaelData": "vael.data.module",
    "VaelError": "vael.errors",
    "build": "vael.api.lightning",
    "fit": "vael.api.memory",
    "load": "vael.pretrained.loading",
    "search": "vael.api.search",
    "train": "vael.api.run",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for, with torch and all else that it needs."""
    if name == "__version__":
        return import_module("importlib.metadata").version("vael")
    if name not in _PLACES:
        raise AttributeError(f"module 'vael' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), "load_model" if name == "load" else name)


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
