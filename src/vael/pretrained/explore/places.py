"""Answer for latents that have places: how they lie, and the codes that one may choose there."""

from math import prod
from typing import Any

import torch
from torch import Tensor

from vael.errors import DataError
from vael.models.latents.codes import Codes
from vael.report.code_pictures import count_codes
from vael.types import Shape

OPTIONS = 12  # codes to choose from, those that most examples have there


def describe_layout(shape: Shape, pieces: int = 0) -> dict[str, int] | None:
    """Return how many layers of rows and columns a latent has; None for a vector of numbers.

    Args:
        shape: Z.
        pieces: of discrete latents, how many codes a place has; 0: of others, whose channels are
            the layers.
    """
    channels, *places = shape
    if not places:
        return {"layers": 1, "rows": 1, "columns": pieces} if pieces else None
    rows, columns = prod(places[:-1]), places[-1]
    return {"layers": pieces or channels, "rows": rows, "columns": columns}


class CodeChooser:
    """Choose the codes of a latent one place at a time.

    Args:
        latents: of the model.
        means: what the codes of the examples stand for, ``(N, d)``.
        shape: Z.
    """

    def __init__(self, latents: Codes, means: Tensor, shape: Shape) -> None:
        self.family, self.size, self.shape = latents.family, latents.num_codes, shape
        self.codes = self.family.find(means.reshape(-1, *shape))

    def snap(self, z: Tensor) -> Tensor:
        """Return what the codes nearest to z ``(*, *Z)`` stand for."""
        return self.family.look_up(self.family.find(z))

    def describe(self, z: Tensor, place: int) -> dict[str, Any]:
        """Return the codes of z ``(d,)``, and z with others in one place.

        Raises:
            DataError: there is no such place.
        """
        length = self.codes.shape[1]
        if not 0 <= place < length:
            raise DataError(f"place must be from 0 to {length - 1}, but is {place}.")
        own = self.family.find(z.reshape(self.shape))
        values, counts = count_codes(self.codes[:, place])
        shares = dict(zip(values.tolist(), (counts / len(self.codes)).tolist(), strict=True))
        wanted = list(shares)[:OPTIONS]
        if int(own[place]) not in wanted:
            wanted = [int(own[place]), *wanted[:-1]]
        changed = own.repeat(len(wanted), 1)
        changed[:, place] = torch.tensor(wanted)
        rows = self.family.look_up(changed).flatten(1).tolist()
        return {
            "codes": own.tolist(),
            "options": [
                {"code": code, "share": shares.get(code, 0.0), "z": row}
                for code, row in zip(wanted, rows, strict=True)
            ],
        }
