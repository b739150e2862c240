"""Objectives: from the trace of a pass to the loss; schedules of their weights."""

from vael.models.gather import gather, gather_record
from vael.objectives.adversarial import Adversarial
from vael.objectives.base import Objective
from vael.objectives.beta_tc import BetaTC
from vael.objectives.bound import Bound
from vael.objectives.capacity import Capacity
from vael.objectives.dip import Dip
from vael.objectives.elbo import Elbo
from vael.objectives.factor_vae import FactorVae
from vael.objectives.free_bits import FreeBits
from vael.objectives.geco import Geco
from vael.objectives.info import Info
from vael.objectives.schedules import BetaSchedule, Constant, Cyclical, Linear

__all__ = [
    "Adversarial",
    "BetaSchedule",
    "BetaTC",
    "Bound",
    "Capacity",
    "Constant",
    "Cyclical",
    "Dip",
    "Elbo",
    "FactorVae",
    "FreeBits",
    "Geco",
    "Info",
    "Linear",
    "Objective",
    "gather",
    "gather_record",
]
