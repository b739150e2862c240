"""Tell numbers from other texts: only what every program reads as one."""

import re

POINT = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE | re.ASCII
)
COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d+)?([eE][+-]?\d+)?", re.ASCII)


def has_point(cell: str) -> bool:
    """Tell whether a cell is a number with a decimal point, or a whole one."""
    return POINT.fullmatch(cell) is not None


def has_comma(cell: str) -> bool:
    """Tell whether a cell is a number with a decimal comma (1.234,5), or a whole one."""
    return any(c.isdecimal() for c in cell) and COMMA.fullmatch(cell) is not None


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number in either way."""
    return has_point(cell) or has_comma(cell)
