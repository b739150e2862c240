"""The facts of a likelihood that is a mass over levels by itself."""

from vael.errors import ConfigError


def native_levels(name: str, levels: int | None, fit: str) -> int:
    """The levels, where the family ``name`` can be a mass over them and nothing else.

    Raises:
        ConfigError: data without levels, or ``fit=density``.
    """
    if levels is None:
        raise ConfigError(
            f"likelihood={name} needs data with levels (x = k / (levels - 1)), but this data has "
            "none: use likelihood=gaussian."
        )
    if fit == "density":
        raise ConfigError(
            f"likelihood={name} is a probability mass over the levels and has no density, but got "
            "likelihood.fit=density: use likelihood.fit=mass or auto."
        )
    return levels
