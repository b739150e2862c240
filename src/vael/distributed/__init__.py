"""The processes of a run: ranks, signals, ownership, failures, supervisor. Knows no VAE."""

from vael.distributed.ranks import Rank, find_rank, is_first_rank
from vael.distributed.signals import Stopped, StoppedEarly

__all__ = ["Rank", "Stopped", "StoppedEarly", "find_rank", "is_first_rank"]
