"""The command line of ``vael train``, put in the form that Hydra's own parser takes."""

from collections.abc import Sequence
from pathlib import Path

from vael.config.compose import list_groups, suggest_setting
from vael.config.overrides import check_one_option, quote_overrides
from vael.errors import ConfigError
from vael.text import word_command

TAKES_VALUE = {
    *("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp"),
    *("--cfg", "-c", "--package", "-p", "--info", "-i", "--experimental-rerun"),
}
ALONE = {
    *("--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r"),
    *("--multirun", "-m", "--shell-completion", "-sc"),
}


def read_arguments(given: Sequence[str]) -> list[str]:
    """Return Hydra's options first, then the settings, quoted where Hydra needs it.

    Hydra's parser takes no option after a setting.

    Raises:
        ConfigError: an option that Hydra does not have, or a setting that cannot be read.
    """
    options: list[str] = []
    settings: list[str] = []
    rest = list(given)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            settings.append(word)
            continue
        if name not in TAKES_VALUE | ALONE:
            setting = name.lstrip("-")
            raise ConfigError(
                f"{name} is no option: settings are given without dashes, as NAME=VALUE. "
                f"{suggest_setting(setting)}"
            )
        options.append(word)
        if name in TAKES_VALUE:
            if not equals and rest and not rest[0].startswith("-") and "=" not in rest[0]:
                value = rest.pop(0)
                options.append(value)
            _check_name(name, value)
    multirun = bool({"-m", "--multirun"} & set(options))
    check_one_option(settings, list_groups())
    return [*options, *quote_overrides(settings, multirun)]


def _check_name(option: str, value: str) -> None:
    if option in ("--config-name", "-cn") and ("/" in value or value.endswith((".yaml", ".yml"))):
        folder = Path(value).parent
        raise ConfigError(
            f"{option} must be the name of a YAML in conf, without a path or .yaml, got {value}: "
            f"the config of a run is trained by `{word_command('vael', 'train', folder)}`, "
            "and other folders are named by --config-dir FOLDER."
        )
