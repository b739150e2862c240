"""Floor 10: which way a score is better."""

from typing import Literal

from vael.errors import ConfigError
from vael.sweep.words import near

Direction = Literal["minimize", "maximize"]
SMALLER_IS_BETTER = ("bpd", "rate", "distortion", "mse", "scale_at_bound")
BIGGER_IS_BETTER = ("elbo", "iwae", "psnr", "active_units")


def direction_of(target: str, given: object = None) -> Direction:
    """The way a target is better: its usual one, unless another is given.

    Raises:
        ConfigError: it is no score of ``val/*``, or the direction is none.
    """
    split, _, score = target.partition("/")
    if split == "test":
        raise ConfigError(f"target {target}: test data is not for searching; use val/{score}.")
    if split != "val" or score not in (*SMALLER_IS_BETTER, *BIGGER_IS_BETTER):
        names = [f"val/{n}" for n in (*SMALLER_IS_BETTER, *BIGGER_IS_BETTER)]
        raise ConfigError(f"target {target} is never logged. {near(target, names)}")
    usual: Direction = "minimize" if score in SMALLER_IS_BETTER else "maximize"
    if given is None:
        return usual
    if given not in ("minimize", "maximize"):
        raise ConfigError(f"direction must be minimize or maximize, but got {given!r}.")
    return given
