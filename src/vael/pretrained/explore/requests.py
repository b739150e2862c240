"""Read and check the bodies of requests; refuse what cannot be right."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vael.errors import VaelError


class RequestRefused(VaelError):
    """Say why a request is not answered.

    Args:
        status: of HTTP.
        text: why, and what must hold.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def read_object(body: bytes) -> Mapping[str, Any]:
    """Read the JSON object of a body.

    Raises:
        RequestRefused: it is none.
    """
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(400, "the body must be JSON.") from error
    if not isinstance(read, dict):
        raise RequestRefused(
            400, f"the body must be a JSON object, but is a {type(read).__name__}."
        )
    return read


def read_latents(asked: Mapping[str, Any], name: str, d: int, most: int) -> Tensor:
    """Read ``(N, d)`` of a list of N lists of d finite numbers, N at most ``most``.

    Raises:
        RequestRefused: it is something else.
    """
    value = asked.get(name)
    wrong = RequestRefused(400, f"{name} must be 1 to {most} lists of {d} finite numbers.")
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


def read_told(asked: Mapping[str, Any], classes: Sequence[int]) -> Tensor | None:
    """Read what a conditional model is told, ``(1, K)``: K numbers, classes below their count.

    Args:
        asked: its ``told`` is a list of K numbers.
        classes: of each number; 0: any finite number. None of them: nothing is told.

    Raises:
        RequestRefused: it is something else.
    """
    if not classes:
        return None
    try:
        told = read_latents({"told": [asked.get("told")]}, "told", len(classes), 1)
    except RequestRefused as error:
        text = f"this model is conditional: told must be a list of {len(classes)} finite numbers."
        raise RequestRefused(error.status, text) from error
    for value, count in zip(told[0].tolist(), classes, strict=True):
        if count and not (0 <= value < count and value == int(value)):
            raise RequestRefused(
                400, f"told must be a class, a whole number from 0 to {count - 1}."
            )
    return told


def read_number(asked: Mapping[str, Any], name: str, least: float, most: float) -> float:
    """Read a finite number within bounds.

    Raises:
        RequestRefused: it is something else.
    """
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise RequestRefused(400, f"{name} must be a number from {least} to {most}.")
    return float(value)


def read_whole(asked: Mapping[str, Any], name: str, least: int, most: int) -> int:
    """Read a whole number within bounds.

    Raises:
        RequestRefused: it is something else.
    """
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise RequestRefused(400, f"{name} must be a whole number from {least} to {most}.")
    return value
