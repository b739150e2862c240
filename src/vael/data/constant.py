"""Columns of a table that do not change over the training rows: leave them out, or say so."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vael.data.source import Array, Arrays, Decoded, Lazy

SHOWN = 10


class Columns(Lazy):
    """Some columns of a table that stays in its file.

    Args:
        x: ``(N, D)``.
        kept: positions of the columns.
    """

    def __init__(self, x: Lazy, kept: npt.NDArray[np.int64]) -> None:
        super().__init__((len(x), len(kept)), x.dtype)
        self._x, self._kept = x, kept

    def __getitem__(self, index: npt.NDArray[np.int64] | slice) -> Array:
        """Read these rows, and take their columns."""
        return np.ascontiguousarray(self._x[index][:, self._kept])


def drop_columns(data: Decoded, constant: npt.NDArray[np.bool_]) -> Decoded:
    """Return the table without these columns."""
    kept = np.flatnonzero(~constant)

    def cut(part: Arrays | None) -> Arrays | None:
        if part is None:
            return None
        x = part.x
        return replace(part, x=Columns(x, kept) if isinstance(x, Lazy) else x[:, kept])

    train = cut(data.train)
    assert train is not None
    return replace(
        data,
        train=train,
        val=cut(data.val),
        test=cut(data.test),
        columns=tuple(data.columns[at] for at in kept) if data.columns else (),
    )


def describe_constant(
    constant: npt.NDArray[np.bool_], columns: Sequence[str], dropped: bool, kind: str
) -> list[str]:
    """Return the line about constant columns, or channels; nothing where there are none."""
    at = np.flatnonzero(constant)
    if not at.size:
        return []
    names = [columns[n] if columns else str(n) for n in at[:SHOWN]]
    listed = ", ".join(names) + (", ..." if at.size > SHOWN else "")
    rows = "rows" if kind == "columns" else "images"
    count = (
        f"{at.size} of {len(constant)} {kind} do not change over the training {rows} ({listed})"
    )
    if dropped:
        return [f"{count}: they are left out (data.constant=drop)"]
    far = f"{count}: another value in validation or test is then far off (elbo, nll)"
    return [f"{far}; data.constant=drop leaves them out" if kind == "columns" else far]
