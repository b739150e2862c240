"""The shape of a latent in a config: ``model.latent_dim``, or ``model.latent_shape`` instead."""

from collections.abc import Sequence

from omegaconf import DictConfig, ListConfig, OmegaConf

from vael.errors import ConfigError

DIM, SHAPE = "model.latent_dim", "model.latent_shape"


def settle_latent(config: DictConfig, given: Sequence[str]) -> None:
    """Let ``model.latent_shape`` take the place of the ``latent_dim`` of the model's file.

    Args:
        config: composed; its ``model.latent_dim`` becomes null where there is a shape.
        given: the overrides that it was composed of.

    Raises:
        ConfigError: the overrides give both.
    """
    shape = OmegaConf.select(config, SHAPE)
    if shape is None:
        return
    for word in given:
        name, _, value = word.partition("=")
        if name.lstrip("+") == DIM and value != "null":
            raise ConfigError(
                f"{DIM}={value} and {SHAPE}={list_text(shape)}: a latent has one shape; give one "
                "of the two."
            )
    OmegaConf.update(config, DIM, None)


def check_latent(config: DictConfig) -> None:
    """Refuse a latent with two shapes, with none, or of sizes that are no positive integers.

    Raises:
        ConfigError: as said.
    """
    dim, shape = OmegaConf.select(config, DIM), OmegaConf.select(config, SHAPE)
    if shape is None:
        if not _is_size(dim):
            raise ConfigError(f"{DIM} must be an integer >= 1, but got {dim!r}.")
        return
    if dim is not None:
        raise ConfigError(
            f"{DIM} must be null where there is a {SHAPE}, {list_text(shape)}, but got {dim!r}."
        )
    if not isinstance(shape, ListConfig) or not shape or not all(map(_is_size, shape)):
        raise ConfigError(
            f"{SHAPE} must be null or a list of integers >= 1, such as [4,7,7] (channels, height, "
            f"width), but got {list_text(shape)}."
        )


def read_latent_shape(model: DictConfig) -> tuple[int, ...]:
    """Return Z, the shape of a latent, of a model's section."""
    shape = model.get("latent_shape")
    return (model.latent_dim,) if shape is None else tuple(shape)


def list_text(shape: object) -> str:
    """Format a shape as it is written on the command line: ``[4,7,7]``."""
    if isinstance(shape, ListConfig | list | tuple):
        return f"[{','.join(map(str, shape))}]"
    return repr(shape)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
