"""Check the settings of wandb's logger as wandb itself would, before a run or a sweep begins."""

from omegaconf import DictConfig, ListConfig

from vael.errors import ConfigError

RESERVED = "/\\#?%:"
LONGEST_PROJECT = 128
LONGEST_TAG = 64


def check_wandb(logger: DictConfig) -> None:
    """Refuse what ``wandb.init`` would refuse after the data was read.

    Raises:
        ConfigError: a project, tag, entity, group or job type that wandb does not take.
    """
    if not str(logger.get("_target_")).startswith("vael.") or "project" not in logger:
        return
    project = logger.project
    if (
        not isinstance(project, str)
        or not 0 < len(project) <= LONGEST_PROJECT
        or set(RESERVED) & set(project)
    ):
        raise ConfigError(
            f"logger.project must be a name of 1 to {LONGEST_PROJECT} characters without "
            f"{' '.join(RESERVED)}, but got {project!r}."
        )
    for name in ("entity", "group", "job_type"):
        value = logger.get(name)
        if value is not None and (not isinstance(value, str) or not value):
            raise ConfigError(f"logger.{name} must be null or a text, but got {value!r}.")
    if logger.get("checkpoints") not in (None, "best"):
        raise ConfigError(
            f"logger.checkpoints must be null or best, but got {logger.checkpoints!r}."
        )
    tags = logger.get("tags")
    listed = [tags] if isinstance(tags, str) else tags
    if listed is not None and not isinstance(listed, ListConfig | list):
        raise ConfigError(f"logger.tags must be a list of texts, but got {tags!r}.")
    for tag in listed or []:
        if not isinstance(tag, str | int | float) or not 0 < len(str(tag)) <= LONGEST_TAG:
            raise ConfigError(
                f"each of logger.tags must be a text of 1 to {LONGEST_TAG} characters, "
                f"but got {tag!r}."
            )
