"""Latent structures: how z is inferred from x and sampled from the prior."""

from vael.models.latents.base import Latents
from vael.models.latents.chain import Chain
from vael.models.latents.codes import FSQ, VQ
from vael.models.latents.flat import Flat
from vael.models.latents.ladder import Ladder
from vael.models.latents.layers import Layers
from vael.models.latents.parts import Parts

__all__ = ["FSQ", "VQ", "Chain", "Flat", "Ladder", "Latents", "Layers", "Parts"]
