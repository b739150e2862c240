"""Remarks on the columns of a table: what was taken for what, a line for each kind."""

SHOWN = 5  # names


class Remarks:
    """Remarks by their kind, each with the names of the columns that it is about."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, list[str]]] = {}

    def add(self, kind: str, text: str, name: str) -> None:
        """Add a column; the text is that of the first one of its kind."""
        self._found.setdefault(kind, (text, []))[1].append(name)

    def lines(self) -> list[str]:
        """Return a line for each kind: ``columns a, b: decimal commas, 1,5 is read as 1.5``."""
        return [
            f"column{'s' * (len(names) > 1)} {', '.join(names[:SHOWN])}"
            f"{f', ... ({len(names)} in all)' if len(names) > SHOWN else ''}: {text}"
            for text, names in self._found.values()
        ]
