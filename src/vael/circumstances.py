"""Floor 8: under which circumstances a number came about, and what is different now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vael.machine import machine
from vael.summary import flat_config, git_sha, versions

NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Difference:
    """One circumstance that is not what it was.

    Attributes:
        what: its name.
        then: when the number was made; `NOT_RECORDED` where the file does not say.
        now: in this process.
    """

    what: str
    then: object
    now: object

    def __str__(self) -> str:
        return f"{self.what} was {self.then}, and is {self.now}"


def of_machine(recorded: Mapping[str, Any]) -> list[Difference]:
    """Versions, code and hardware that are not those of a summary or an evaluation."""
    packages: dict[str, Any] = recorded.get("versions", {})
    hardware: dict[str, Any] = recorded.get("machine", {})
    then = {
        **packages,
        "commit": recorded.get("git_sha", NOT_RECORDED),
        **{name: hardware.get(name, NOT_RECORDED) for name in machine()},
    }
    now = {**versions(), "commit": git_sha(), **machine()}
    return [
        Difference(name, then.get(name, NOT_RECORDED), value)
        for name, value in now.items()
        if then.get(name, NOT_RECORDED) != value
    ]


def of_config(then: DictConfig, now: DictConfig, where: str = "") -> list[Difference]:
    """Settings that are not the same, by their dotted names; the command is none.

    Args:
        then: as they were.
        now: as they are.
        where: said after each name.
    """
    before, after = (flat_config(OmegaConf.merge(c)) for c in (then, now))  # type: ignore[arg-type]
    names = sorted((before.keys() | after.keys()) - {"command"})
    return [
        Difference(f"{name}{where and f' ({where})'}", before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]
