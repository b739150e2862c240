"""vael: variational autoencoders with numbers that can be compared.

Letters used throughout: ``S`` samples of q per example, ``B`` batch, ``E`` event shape of x
(``C, H, W`` or ``D``), ``Z`` event shape of a latent, ``D`` = prod(E), ``d`` latent size.
The order of dimensions is torch's: sample, batch, event. Every log-density and rate is
``(S, B)``, in nats per example.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vael.pretrained.model import load_model as load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """Import `load`, with torch and all that it needs, only when it is asked for."""
    if name == "load":
        from vael.pretrained.model import load_model

        return load_model
    raise AttributeError(f"module 'vael' has no attribute {name!r}")
