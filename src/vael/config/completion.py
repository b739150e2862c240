"""Completion of a setting: groups, their options, and dotted names."""

from vael.config.compose import compose_config
from vael.config.flat import list_leaves
from vael.config.shipped import find_conf, find_own_conf


def complete_setting(incomplete: str) -> list[str]:
    """Return the words that begin like this one: ``data=``, ``data=digits``, ``seed=``."""
    group, given, option = incomplete.partition("=")
    own = find_own_conf()
    folders = [find_conf(), *([own] if own else [])]
    if given:
        files = [file for f in folders for file in sorted((f / group).glob(f"{option}*.yaml"))]
        return [f"{group}={file.stem}" for file in files]
    groups = {p.parent.relative_to(f).as_posix() for f in folders for p in f.glob("*/**/*.yaml")}
    names = {path.split(".0")[0] for path, _ in _settings()}
    return [f"{n}=" for n in sorted(groups | names) if n.startswith(incomplete)]


def _settings() -> list[tuple[str, object]]:
    from omegaconf import OmegaConf

    config = OmegaConf.to_container(compose_config([]))
    return [(path, value) for path, value in list_leaves(config) if "choices" not in path]
