"""Build the data and the model of a config, with the shapes that follow from the data."""

import re
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn

from vael.config.condition import build_condition, find_context_sizes, read_told
from vael.config.latent import read_latent_shape
from vael.config.option_types import check_options, find_parameters
from vael.data.context import Names
from vael.data.module import VaelData
from vael.data.source import Source
from vael.errors import ConfigError, VaelError
from vael.models.conditional import Conditional
from vael.models.latents.base import Latents
from vael.models.likelihoods.base import Likelihood
from vael.models.nets.concatenated import Concatenated
from vael.models.posteriors.base import Posterior
from vael.models.priors.base import Prior
from vael.models.priors.conditional import ConditionalPrior
from vael.models.trace import ObservedRecord
from vael.models.vae import VAE
from vael.randomness import Seeds, derive_seed
from vael.text import did_you_mean
from vael.types import DataSpec, Shape

T = TypeVar("T")
USUAL = {
    "posterior": "vael.models.posteriors.Normal",
    "prior": "vael.models.priors.StandardNormal",
}


def build_part(node: DictConfig, kind: type[T], where: str, **facts: object) -> T:
    """Instantiate one config node with the facts that it cannot know.

    Args:
        node: has ``_target_`` and the options.
        kind: what the made object must be an instance of.
        where: the config path, for the messages.
        facts: shapes and the like; an option of the same name is an error, because Hydra would
            let the fact win in silence.

    Raises:
        ConfigError: no ``_target_``, an overlap, an unknown or bad option, or the wrong kind.
    """
    if not isinstance(node, DictConfig) or "_target_" not in node:
        raise ConfigError(f"{where} must be a section with a _target_, but got {node!r}.")
    overlap = sorted(facts.keys() & node.keys())
    if overlap:
        raise ConfigError(
            f"{where}: {', '.join(map(str, overlap))} follow from the data or from "
            "another part; remove them from the config."
        )
    check_options(node, where)
    try:
        made = instantiate(node, **facts)
    except (InstantiationException, OmegaConfBaseException, TypeError, ValueError) as error:
        cause = error.__cause__
        if isinstance(cause, VaelError):
            raise cause from cause.__cause__  # which says whether memory ran out
        reason = explain_refusal(cause or error, str(node["_target_"]))
        raise ConfigError(f"{where} ({node['_target_']}) cannot be built: {reason}") from error
    if not isinstance(made, kind):
        raise ConfigError(
            f"{where}={node['_target_']} must make a {kind.__name__}, "
            f"but made a {type(made).__name__}."
        )
    return made


def asks_for(node: DictConfig, name: str) -> bool:
    """Whether what a config node makes has a parameter of this name."""
    return name in find_parameters(str(node.get("_target_")))


def explain_refusal(error: BaseException, target: str) -> str:
    """Say in one line what went wrong, and what to do where a user's package is not found."""
    text = " ".join(str(error).split())
    unknown = re.search(r"unexpected keyword argument '(\w+)'", text)
    if unknown:
        known = [name for name in find_parameters(target) if name != "params"]
        return f"{unknown[1]} is not an option. {did_you_mean(unknown[1], known)}"
    needed = re.search(r"missing \d+ required \S+ arguments?: (.*)", text)
    if needed:
        return f"it needs {needed[1]}."
    absent = re.search(r"ModuleNotFoundError\(.(No module named '[^']+')", text)
    if absent is None:
        return text
    module, _, name = target.rpartition(".")
    if absent[1] == f"No module named '{target}'":  # the last part that Hydra looks for
        return f"{module} has no {name}."
    return f"{absent[1]}. Install its package, or put the folder that holds it on PYTHONPATH."


def build_seeds(config: DictConfig) -> Seeds:
    """Return the seed of each stream of a run."""
    return Seeds.derive(config.seed, **{name: config.seeds[name] for name in config.seeds})


def build_data(
    config: DictConfig, seeds: Seeds, run: Path | None = None, known: Names = ()
) -> VaelData:
    """Build the DataModule of a config; nothing is read yet.

    Args:
        config: a run's.
        seeds: of its streams.
        run: its folder: a relative path is looked for from the folders above it, too.
        known: what a model was told of each example in training; empty: it is not trained yet.
    """
    data = config.data
    node = data.source if run is None else _find_near(data.source, run)
    return VaelData(
        source=build_part(node, Source, "data.source"),  # type: ignore[type-abstract]
        batch_size=data.batch_size,
        binarize=data.binarize,
        limit=data.limit,
        split_seed=data.split_seed,
        cache_dir=data.cache_dir,
        order_seed=seeds.order,
        families=_read_families(config) if has_families(config) else None,
        told=read_told(config, known),
    )


def _read_families(config: DictConfig) -> object:
    given = config.likelihood.get("columns", "auto")
    return OmegaConf.to_container(given) if OmegaConf.is_config(given) else given


def _find_near(source: DictConfig, run: Path) -> DictConfig:
    """Return a source whose relative path is there, seen from here or from above the run."""
    path = source.get("path")
    if isinstance(path, str) and not Path(path).exists():
        for folder in run.absolute().parents:
            if (folder / path).exists():
                return OmegaConf.create({**source, "path": str(folder / path)})
    return source


def build_vae(config: DictConfig, spec: DataSpec, seeds: Seeds) -> VAE:
    """Build the model of a config for this data, its weights drawn from the stream ``init``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seeds.init, "init"))
        parts = ModelParts(config, spec)
        latents = build_part(config.latents, Latents, "latents", parts=parts)  # type: ignore[type-abstract]
    if parts.condition is not None and not latents.takes_context:
        raise ConfigError(
            f"latents ({config.latents['_target_']}) takes no condition: use latents=flat, or "
            "condition=none."
        )
    parts.check_used()
    mask = {"holes": spec.holes, "shows_mask": shows_mask(config, spec)}
    return VAE(latents, parts.decoder, parts.condition, **mask)


def has_families(config: DictConfig) -> bool:
    """Whether the likelihood has families of its own for the columns of a table."""
    return asks_for(config.likelihood, "families")


def shows_mask(config: DictConfig, spec: DataSpec) -> bool:
    """Whether the encoder sees which values are missing.

    Raises:
        ConfigError: it is to, but the data has no mask.
    """
    asked = bool(config.model.get("encode_mask"))  # runs of vael 0.1 have none
    if asked and not spec.holes:
        raise ConfigError(
            "model.encode_mask=true shows the encoder which values are missing, but this data has "
            "no mask: set data.missing=mask, or leave it out."
        )
    return asked


class ModelParts:
    """The parts of a model that its config names: what `vael.models.latents.Parts` asks for.

    Args:
        config: a run's.
        spec: of its data.

    Attributes:
        event_shape: the shape of what the encoder gets of one x: E, or with ``model.encode_mask``
            that of x and its mask (`vael.models.VAE.show`).
        latent_shape: Z, ``(model.latent_dim,)``.
        context_sizes: how many numbers of c ``encoder``, ``decoder`` and ``prior`` take.
        decoder: p(x|z), once `connect` has been called.
        condition: from what is told of an example to c, which encoder, decoder and prior get;
            None where nothing is told.
    """

    decoder: Conditional[ObservedRecord]

    def __init__(self, config: DictConfig, spec: DataSpec) -> None:
        event, masked = spec.event_shape, shows_mask(config, spec)
        self.event_shape: Shape = (2 * event[0], *event[1:]) if masked else event
        self.latent_shape: Shape = read_latent_shape(config.model)
        self._config, self._spec = config, spec
        self.condition = build_condition(config, spec)
        self.context_sizes = find_context_sizes(config, self.condition)
        self._used: set[str] = set()

    def posterior(self, shape: Shape) -> Posterior:
        """Build ``posterior`` over latents of this shape."""
        node = self._config.posterior
        self._used.add("posterior")
        return build_part(node, Posterior, "posterior", event_shape=shape)  # type: ignore[type-abstract]

    def connect(self, emitted: Shape, taken: Shape) -> nn.Module:
        """Build ``likelihood``, ``model.encoder`` and ``model.decoder``; return the encoder."""
        likelihood = self._likelihood()
        encoder = self._net("encoder", self.event_shape, emitted)
        decoder = self._net("decoder", taken, likelihood.theta_shape)
        self.decoder = Conditional(decoder, likelihood, taken)
        return encoder

    def prior(self, shape: Shape) -> Prior:
        """Build ``prior`` over latents of this shape, moved by c if it does not take it itself."""
        node, size = self._config.prior, self.context_sizes["prior"]
        self._used.add("prior")
        more: dict[str, Any] = {}
        if asks_for(node, "example_shape"):
            more["example_shape"] = self.event_shape
            if self.context_sizes["encoder"]:
                raise ConfigError(
                    f"prior ({node['_target_']}) encodes examples of its own, which have no "
                    "condition: use condition.encoder=false, or prior=mixture."
                )
        takes = size > 0 and asks_for(node, "context_size")
        if takes:
            more["context_size"] = size
        made = build_part(node, Prior, "prior", event_shape=shape, **more)  # type: ignore[type-abstract]
        return ConditionalPrior(made, size) if size and not takes else made

    def check_used(self) -> None:
        """Refuse a posterior or a prior that was chosen and that the latents have no use for.

        Raises:
            ConfigError: names it.
        """
        for name, usual in USUAL.items():
            target = self._config[name]["_target_"]
            if name not in self._used and target != usual:
                raise ConfigError(
                    f"{name} ({target}) is of no use to latents "
                    f"({self._config.latents['_target_']}), which bring their own: leave "
                    f"{name}=... out, or use latents=flat."
                )

    def _net(self, part: str, in_shape: Shape, out_shape: Shape) -> nn.Module:
        """Build encoder or decoder; one that does not take c itself gets it behind its input."""
        node, where, size = self._config.model[part], f"model.{part}", self.context_sizes[part]
        facts: dict[str, Any] = {"in_shape": in_shape, "out_shape": out_shape}
        takes = size > 0 and asks_for(node, "context_size")
        if takes:
            facts["context_size"] = size
        if takes or not size:
            return build_part(node, nn.Module, where, **facts)
        facts["in_shape"] = (prod(in_shape) + size,)
        try:
            return Concatenated(build_part(node, nn.Module, where, **facts))
        except ConfigError as error:
            raise ConfigError(
                f"{where} ({node['_target_']}) takes no condition, and not the {prod(in_shape)} "
                f"inputs and {size} numbers of the condition as one row either ({error}): use "
                f"condition.{part}=false, or another model."
            ) from error

    def _likelihood(self) -> Likelihood[Any]:
        made: Likelihood[Any] = build_part(
            self._config.likelihood,
            Likelihood,  # type: ignore[type-abstract]
            "likelihood",
            event_shape=self._spec.event_shape,
            levels=self._spec.levels,
            **({"families": self._spec.families} if has_families(self._config) else {}),
        )
        if made.support == "unit" and self._spec.support != "unit":
            raise ConfigError(
                f"likelihood={type(made).__name__.lower()} needs data in [0, 1], but this "
                "data has any real values: use likelihood=gaussian."
            )
        return made
