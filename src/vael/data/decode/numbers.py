"""Tell numbers from other texts: only what every program reads as one."""

import re

POINT = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE | re.ASCII
)
DATE = re.compile(
    r"(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3(\d{4}|\d{2}))([ T].*)?"
    r"|\d{1,2}:\d{2}(:[\d.]+)?",
    re.ASCII,
)
PARTED = re.compile(r"[+-]?\d{1,3}([ ,'\u00a0\u202f])\d{3}(\1\d{3})*([.,]\d+)?", re.ASCII)
UNIT = re.compile(r"([$€£¥]\s*)?(?P<number>[+-]?[\d.,]*\d)\s*([%‰$€£¥°]\w?|\s[^\W\d]{1,5})?")
COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d+)?([eE][+-]?\d+)?", re.ASCII)


def has_point(cell: str) -> bool:
    """Tell whether a cell is a number with a decimal point, or a whole one."""
    return POINT.fullmatch(cell) is not None


def has_comma(cell: str) -> bool:
    """Tell whether a cell is a number with a decimal comma (1.234,5), or a whole one."""
    return any(c.isdecimal() for c in cell) and COMMA.fullmatch(cell) is not None


def may_be_thousands(cell: str) -> bool:
    """Tell whether a decimal point may as well stand between thousands: 1.000."""
    whole, _, rest = cell.lstrip("+-").partition(".")
    return whole.isdecimal() and len(whole) < 4 and rest.isdecimal() and len(rest) == 3


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number in either way."""
    return has_point(cell) or has_comma(cell)


def advise(cell: str) -> str:
    """Say what is wrong with a cell that is almost a number; nothing of other texts."""
    if has_comma(cell):
        pointed = cell.replace(".", "").replace(",", ".")
        return (
            f"a comma in a number may mean two things; write {cell.replace(',', '')} or {pointed}"
        )
    if DATE.fullmatch(cell):
        return "a date is no number: leave the column out, or write year, month, day as numbers"
    parted, unit = PARTED.fullmatch(cell), UNIT.fullmatch(cell)
    if parted:
        return f"write it without gaps: {cell.replace(parted[1], '').replace(',', '.')}"
    if unit and unit["number"] != cell:
        return f"write the number alone: {unit['number']}"
    return ""
