"""Marks of missing values in the cells of a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from vael.errors import ConfigError

# What pandas.read_csv knows (na_values), and the question mark of the UCI files.
USUAL = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "?"),
)


@dataclass(frozen=True)
class Marks:
    """What stands for a missing value, whatever its case; an empty cell always does.

    Attributes:
        texts: in small letters.
        numbers: that stand for a missing value in a column of numbers, such as -999.
    """

    texts: frozenset[str]
    numbers: frozenset[float] = frozenset()

    @property
    def key(self) -> str:
        """A text that is the same for the same marks, in every process."""
        return f"{sorted(self.texts)} {sorted(self.numbers)}"

    def hold(self, cell: str) -> bool:
        """Tell whether a cell stands for a missing value."""
        return cell.strip().lower() in self.texts


def parse_marks(given: Sequence[str | float] | str | float | None) -> Marks:
    """Parse ``data.missing_marks``; None: those of pandas, and "?".

    Raises:
        ConfigError: it is no list of texts and numbers.
    """
    if given is None:
        return Marks(frozenset(text.lower() for text in USUAL))
    if isinstance(given, str | int | float):
        raise ConfigError(
            f"data.missing_marks must be a list of marks, got {given!r}; "
            f"set data.missing_marks=['{given}']"
        )
    marks = list(given)
    if not all(
        isinstance(mark, str | int | float) and not isinstance(mark, bool) for mark in marks
    ):
        raise ConfigError(f"data.missing_marks must be texts and numbers, got {marks}")
    numbers = set()
    for mark in marks:
        try:
            numbers.add(float(mark))
        except ValueError:
            continue
    texts = {"", *(str(mark).strip().lower() for mark in marks)}
    return Marks(frozenset(texts), frozenset(numbers))
