"""Write rows of a model as the table that its data was read from."""

import csv
import io
import math

from vael.data.families import RAW
from vael.data.source import Array
from vael.types import DataSpec


def write_table(x: Array, spec: DataSpec, numbered: bool = False) -> bytes:
    """Return rows ``(N, M, D)`` as text with commas; with ``numbered`` which of M each is.

    A categorical variable is one column with its likeliest category, a bernoulli one 0 or 1. A
    mean of counts may have decimals, a draw has none.
    """
    names = list(spec.columns or map(str, range(x.shape[2])))
    families = spec.families or tuple(("", name) for name in names)
    columns: dict[str, list[str]] = {}
    rows = x.reshape(-1, x.shape[2])
    if numbered:
        columns["draw"] = [str(n + 1) for _ in range(len(x)) for n in range(x.shape[1])]
    for each in dict.fromkeys(families):
        family, variable = each
        at = [n for n, other in enumerate(families) if other == each]
        own = rows[:, at]
        if family == "categorical":
            ways = [names[n].removeprefix(f"{variable}=") for n in at]
            columns[variable] = [ways[n] for n in own.argmax(1)]
        else:
            values = own[:, 0].round() if family == "bernoulli" else own[:, 0]
            columns[names[at[0]]] = [_write(v, family in RAW) for v in values]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [columns, *zip(*columns.values(), strict=True)]
    )
    return text.getvalue().encode()


def _write(value: float, whole: bool) -> str:
    """Write a number as short as it comes again; nothing where there is none."""
    if not math.isfinite(value):
        return ""
    return str(int(value)) if whole and value == int(value) else str(value)
