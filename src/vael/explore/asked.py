"""Floor 10: what a request asks for, checked; a request that cannot be right is refused."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vael.errors import VaelError


class Refused(VaelError):
    """A request that is not answered.

    Args:
        status: of HTTP.
        text: why, and what must hold.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def mapping(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body.

    Raises:
        Refused: it is none.
    """
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the body must be JSON.") from error
    if not isinstance(read, dict):
        raise Refused(400, f"the body must be a JSON object, but is a {type(read).__name__}.")
    return read


def latents(asked: Mapping[str, Any], name: str, d: int, most: int) -> Tensor:
    """``(N, d)`` of a list of N lists of d finite numbers, N at most ``most``.

    Raises:
        Refused: it is something else.
    """
    value = asked.get(name)
    wrong = Refused(400, f"{name} must be 1 to {most} lists of {d} finite numbers.")
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise wrong
    for row in value:
        if (
            not isinstance(row, list)
            or len(row) != d
            or any(type(number) not in (int, float) for number in row)
        ):
            raise wrong
    try:
        z = torch.tensor(value, dtype=torch.float32)
    except (OverflowError, RuntimeError) as error:
        raise wrong from error
    if not bool(z.isfinite().all()):
        raise wrong
    return z


def number(asked: Mapping[str, Any], name: str, least: float, most: float) -> float:
    """A finite number within bounds.

    Raises:
        Refused: it is something else.
    """
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Refused(400, f"{name} must be a number from {least} to {most}.")
    return float(value)


def whole(asked: Mapping[str, Any], name: str, least: int, most: int) -> int:
    """A whole number within bounds.

    Raises:
        Refused: it is something else.
    """
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Refused(400, f"{name} must be a whole number from {least} to {most}.")
    return value
