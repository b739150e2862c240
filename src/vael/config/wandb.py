"""Check the settings of wandb's logger as wandb itself would, before a run or a sweep begins."""

from collections.abc import Iterator

from omegaconf import DictConfig, ListConfig

from vael.errors import ConfigError

RESERVED = "/\\#?%:"
LONGEST_PROJECT = 128
LONGEST_TAG = 64


def list_wandb(logger: DictConfig, path: str = "logger") -> Iterator[tuple[str, DictConfig]]:
    """Yield path and node of each wandb of a ``logger`` node, which may hold several boards."""
    if str(logger.get("_target_")).startswith("vael.") and "project" in logger:
        yield path, logger
    for name, node in logger.items():
        if isinstance(node, DictConfig):
            yield from list_wandb(node, f"{path}.{name!s}")


def check_wandb(logger: DictConfig) -> None:
    """Refuse what ``wandb.init`` would refuse after the data was read.

    Raises:
        ConfigError: a project, tag, entity, group or job type that wandb does not take.
    """
    for path, node in list_wandb(logger):
        _check_one(path, node)


def _check_one(path: str, logger: DictConfig) -> None:
    project = logger.project
    if (
        not isinstance(project, str)
        or not 0 < len(project) <= LONGEST_PROJECT
        or set(RESERVED) & set(project)
    ):
        raise ConfigError(
            f"{path}.project must be a name of 1 to {LONGEST_PROJECT} characters without "
            f"{' '.join(RESERVED)}, but got {project!r}."
        )
    for name in ("entity", "group", "job_type"):
        value = logger.get(name)
        if value is not None and (not isinstance(value, str) or not value):
            raise ConfigError(f"{path}.{name} must be null or a text, but got {value!r}.")
    if logger.get("checkpoints") not in (None, "best"):
        raise ConfigError(
            f"{path}.checkpoints must be null or best, but got {logger.checkpoints!r}."
        )
    tags = logger.get("tags")
    listed = [tags] if isinstance(tags, str) else tags
    if listed is not None and not isinstance(listed, ListConfig | list):
        raise ConfigError(f"{path}.tags must be a list of texts, but got {tags!r}.")
    for tag in listed or []:
        if not isinstance(tag, str | int | float) or not 0 < len(str(tag)) <= LONGEST_TAG:
            raise ConfigError(
                f"each of {path}.tags must be a text of 1 to {LONGEST_TAG} characters, "
                f"but got {tag!r}."
            )
