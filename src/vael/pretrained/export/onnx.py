"""Export encoder and decoder as ONNX graphs, each tried against torch."""

import logging
import warnings
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from vael.config.condition import find_context_sizes
from vael.errors import ConfigError, VaelError
from vael.models.codes import CodeRecord
from vael.models.condition import LabelCondition, NumberCondition
from vael.models.posteriors.base import PosteriorRecord
from vael.models.vae import VAE
from vael.pretrained.model import Model
from vael.randomness import derive_seed

NEEDED = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-5  # of an output, relative to the largest one where that is above 1
SIZES = (1, 2, 7)  # of the batches that it is tried with

Inputs = tuple[Tensor, ...]


class Encoder(nn.Module):
    """``x -> mu, sigma`` of q(z|x), ``(N, d)`` each; ``mu`` alone where sigma has no formula.

    Of discrete latents it is ``x -> mu, codes``, what the codes stand for and they, ``(N, M)``.

    x is float32: images as the likelihood sees them, in [0, 1]; a table, and images
    of real numbers, in their own units. A model that is told a label takes ``label``, ``(N,)``
    int64, beside it, and one that is told numbers ``given``, ``(N, K)`` float32.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.vae = model.vae
        self.table = model.preprocess if model.spec.raw_levels is None else None

    def forward(self, x: Tensor, told: Tensor | None = None) -> tuple[Tensor, ...]:
        """Map ``(N, *E)`` to the moments."""
        seen = x if self.table is None else self.table(x)
        q = self.vae.encode(seen, context=_context(self.vae, told))
        if isinstance(q, CodeRecord):
            return (q.mean, q.codes)
        sigma = q.sigma if isinstance(q, PosteriorRecord) else None
        return (q.mean,) if sigma is None else (q.mean, sigma)


class Decoder(nn.Module):
    """``z -> x_mean``, the mean of p(x|z): images in [0, 1], other data in its units.

    What the model is told stands beside z, as in `Encoder`.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.vae, self.preprocess = model.vae, model.preprocess

    def forward(self, z: Tensor, told: Tensor | None = None) -> tuple[Tensor, ...]:
        """Map ``(N, d)`` to ``(N, *E)``."""
        px = self.vae.decode_top(z[None], context=_context(self.vae, told))
        return (self.preprocess.restore(px.mean[0]),)


class Graph(NamedTuple):
    """Bytes of an .onnx file, and its largest difference between onnxruntime and torch."""

    content: bytes
    difference: float


def export_encoder(model: Model) -> Graph:
    """Export the graph from ``x`` to ``mu`` and ``sigma``, or to ``mu`` and ``codes``."""
    source = torch.Generator().manual_seed(derive_seed(0, "export"))
    examples = []
    for size in SIZES:
        x = torch.rand(size, *model.spec.event_shape, generator=source)
        examples.append(x if model.spec.support == "unit" else model.preprocess.restore(4 * x - 2))
    told = name_told(model, "encoder")
    names = ("mu", "codes") if model.vae.is_discrete else ("mu", "sigma")
    return _export(Encoder(model), _beside(model, examples, told), ("x", *told), names)


def export_decoder(model: Model) -> Graph:
    """Export the graph from ``z`` to ``x_mean``."""
    source = torch.Generator().manual_seed(derive_seed(0, "export"))
    examples = [torch.randn(size, *model.latent_shape, generator=source) for size in SIZES]
    told = name_told(model, "decoder")
    return _export(Decoder(model), _beside(model, examples, told), ("z", *told), ("x_mean",))


def name_told(model: Model, part: str) -> tuple[str, ...]:
    """Return the name of the input by which encoder or decoder is told c; empty: it is not."""
    if not find_context_sizes(model.config, model.vae.condition)[part]:
        return ()
    return ("label" if model.config.condition.kind == "label" else "given",)


def _beside(model: Model, examples: list[Tensor], told: tuple[str, ...]) -> list[Inputs]:
    """Put what a conditional model is told beside each batch of examples."""
    if not told:
        return [(example,) for example in examples]
    condition = model.vae.condition
    found: list[Inputs] = []
    for example in examples:
        count = len(example)
        if isinstance(condition, LabelCondition):
            found.append((example, torch.arange(count) % condition.classes))
        else:
            assert isinstance(condition, NumberCondition)
            places = torch.linspace(-1, 1, count)[:, None].expand(-1, condition.size)
            found.append((example, condition.shift + places * condition.scale))
    return found


def _context(vae: VAE, told: Tensor | None) -> Tensor | None:
    """Return c of labels ``(N,)`` or numbers ``(N, K)``."""
    if told is None:
        return None
    return vae.context((told[:, None] if told.ndim == 1 else told).float())


@torch.no_grad()
def _export(
    net: nn.Module, examples: list[Inputs], inputs: tuple[str, ...], names: tuple[str, ...]
) -> Graph:
    missing = [package for package in NEEDED if find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"--format onnx needs {', '.join(missing)}: pip install {' '.join(missing)}."
        )
    net.eval()
    names = names[: len(net(*examples[0]))]
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns of operators of torchvision, which nobody uses
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated")  # torch's own use
            batch = torch.export.Dim("N")
            traced = torch.export.export(
                net, examples[-1], dynamic_shapes=tuple({0: batch} for _ in inputs)
            ).run_decompositions({torch.ops.aten.expm1.default: _expm1})
            made = torch.onnx.export(
                traced,
                dynamo=True,
                verbose=False,
                input_names=list(inputs),
                output_names=list(names),
            )
    except torch.onnx.OnnxExporterError as error:
        raise VaelError(
            f"{type(net).__name__.lower()} cannot be exported to ONNX: "
            f"{str(error).splitlines()[0]} Use --format safetensors."
        ) from error
    finally:
        log.setLevel(level)
    assert made is not None
    for node in made.model.graph.all_nodes():
        node.metadata_props.clear()  # where in whose Python files it came from
    content: bytes = made.model_proto.SerializeToString(deterministic=True)
    return Graph(content, _difference(net, content, examples))


def _expm1(value: Tensor) -> Tensor:
    """Return ``exp(x) - 1`` without the difference, for which ONNX has no operator."""
    return torch.tanh(value / 2) * (torch.exp(value) + 1)


def _difference(net: nn.Module, content: bytes, examples: list[Inputs]) -> float:
    """Return the largest difference between onnxruntime and torch over all examples.

    Raises:
        VaelError: it is above `TOLERANCE`.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    taken = [given.name for given in session.get_inputs()]
    worst = 0.0
    for example in examples:
        values = [each.numpy() for each in example]
        found = session.run(None, dict(zip(taken, values, strict=True)))
        for output, wanted in zip(found, net(*example), strict=True):
            expected = wanted.numpy()
            scale = max(1.0, float(np.abs(expected).max()))
            worst = max(worst, float(np.abs(output - expected).max()) / scale)
    if not worst <= TOLERANCE:
        raise VaelError(
            f"the ONNX {type(net).__name__.lower()} must reproduce torch to "
            f"{TOLERANCE:g}, but differs by {worst:.2g}: use --format safetensors."
        )
    return worst
