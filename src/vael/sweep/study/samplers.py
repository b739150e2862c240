"""Samplers and pruners by short name or ``_target_``."""

import hashlib
import inspect
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from vael.errors import ConfigError
from vael.sweep.spec.definition import Node

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

GRID = "grid"
SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {"_target_": "optuna.samplers.TPESampler"},
    "random": {"_target_": "optuna.samplers.RandomSampler"},
    "gp": {"_target_": "optuna.samplers.GPSampler"},
    "cmaes": {"_target_": "optuna.samplers.CmaEsSampler"},
    "nsgaii": {"_target_": "optuna.samplers.NSGAIISampler"},
    "qmc": {"_target_": "optuna.samplers.QMCSampler"},
    GRID: {"_target_": "optuna.samplers.RandomSampler"},  # never asked: every point is enqueued
}
PRUNERS: dict[str, dict[str, Any]] = {
    "tangent": {"_target_": "vael.sweep.study.tangent.TangentPruner"},
    "halving": {
        "_target_": "optuna.pruners.SuccessiveHalvingPruner",
        "min_resource": 8,
        "reduction_factor": 3,
    },
    "hyperband": {"_target_": "optuna.pruners.HyperbandPruner", "min_resource": 3},
    "median": {"_target_": "optuna.pruners.MedianPruner", "n_warmup_steps": 5},
}
ENDLESS = ("GridSampler", "BruteForceSampler")
ONE_SEQUENCE = ("QMCSampler",)  # all of its points come out of one seed
NEEDS = {"CmaEsSampler": "cmaes"}  # packages that optuna does not bring
KNOWN = ("optuna", "vael")
ASKS = 3  # for a point that has not been tried
SLOW = ("GPSampler",)  # takes up to a second for each answer, which others wait for: asked once


def make_sampler(
    node: Node, seed: int, number: int, before: "BaseSampler | None" = None
) -> "BaseSampler":
    """Make the sampler that chooses trial ``number``.

    Its seed follows from the study's and the number: no two trials draw the same, whoever asks,
    and a study that was interrupted goes on as it would have.

    Args:
        node: its name or ``_target_``.
        seed: of the study.
        number: of the trial.
        before: an earlier one of the same study. What it knows of the trials' common parameters
            is kept: to find it out anew, a sampler walks through all trials.

    Raises:
        ConfigError: it cannot be made, or is no sampler.
    """
    from optuna.samplers import BaseSampler
    from optuna.search_space import IntersectionSearchSpace

    plain = _node("sampler", node, SAMPLERS)
    name = str(plain["_target_"]).rpartition(".")[2]
    if name in ENDLESS:
        raise ConfigError(f"sampler: {name} stops only optuna's own loop: use sampler: grid.")
    package = NEEDS.get(name)
    if package is not None and find_spec(package) is None:
        raise ConfigError(f"sampler: {name} needs a package: pip install {package}.")
    if "seed" in plain:
        raise ConfigError("sampler: seed is the study's: give seed at the top of the file.")
    if _takes(plain, "seed"):
        digest = hashlib.blake2b(f"{seed} {number}".encode(), digest_size=4).digest()
        drawn = int.from_bytes(digest, "big") % 2**31
        plain = {**plain, "seed": seed if name in ONE_SEQUENCE else drawn}
    made: BaseSampler = _make("sampler", plain, BaseSampler)
    if type(before) is type(made):
        for name, known in vars(before).items():
            if isinstance(known, IntersectionSearchSpace):
                setattr(made, name, known)
    return made


def count_asks(node: Node) -> int:
    """Count how often a sampler is asked for a point before the nearest untried one is taken."""
    plain = _node("sampler", node, SAMPLERS)
    return 1 if str(plain["_target_"]).rpartition(".")[2] in SLOW else ASKS


def make_pruner(node: Node, epochs: int, trials: int | None = None) -> "BasePruner":
    """Make the pruner; of null, one that never prunes.

    Args:
        node: its name or ``_target_``.
        epochs: of a whole trial.
        trials: the study's budget.

    Raises:
        ConfigError: it cannot be made, or is no pruner.
    """
    from optuna.pruners import BasePruner, NopPruner

    if node is None:
        return NopPruner()
    plain = _node("pruner", node, PRUNERS)
    for name, value in {"epochs": epochs, "max_resource": epochs, "trials": trials}.items():
        if _takes(plain, name):
            plain = {name: value, **plain}
    made: BasePruner = _make("pruner", plain, BasePruner)
    return made


def are_known(sampler: "BaseSampler", pruner: "BasePruner") -> bool:
    """Tell whether both are Optuna's or ours: then we know what they look at."""
    return all(type(o).__module__.partition(".")[0] in KNOWN for o in (sampler, pruner))


def _node(where: str, node: Node, short: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if isinstance(node, str) and node in short:
        return short[node]
    if isinstance(node, dict) and "_target_" in node:
        return node
    raise ConfigError(
        f"{where} must be one of {', '.join(short)}, or have a _target_, but got {node!r}."
    )


def _takes(plain: dict[str, Any], name: str) -> bool:
    from hydra.utils import get_class

    try:
        return name in inspect.signature(get_class(plain["_target_"])).parameters
    except Exception:  # what is wrong with it is said when it is made
        return False


def _make(where: str, plain: dict[str, Any], kind: type) -> Any:
    from hydra.utils import instantiate
    from optuna.exceptions import ExperimentalWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            made = instantiate(plain, _convert_="all")
    except Exception as error:  # a class of anybody's, with any error
        cause = " ".join(str(error.__cause__ or error).split())
        raise ConfigError(f"{where} ({plain['_target_']}) cannot be made: {cause}") from error
    if not isinstance(made, kind):
        raise ConfigError(
            f"{where}={plain['_target_']} must make a {kind.__name__}, but made a "
            f"{type(made).__name__}."
        )
    return made
