"""Latent structures: how z is inferred from x and sampled from the prior."""

from vael.models.latents.base import Latents
from vael.models.latents.flat import Flat
from vael.models.latents.parts import Parts

__all__ = ["Flat", "Latents", "Parts"]
