"""Turn YAML into a composed, validated config and into objects."""

from vael.config.flat import compare_configs
from vael.config.validate import check_config
from vael.config.yaml import read_settings

__all__ = ["check_config", "compare_configs", "read_settings"]
