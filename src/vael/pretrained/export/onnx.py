"""Export encoder and decoder as ONNX graphs, each tried against torch."""

import logging
import warnings
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from vael.errors import ConfigError, VaelError
from vael.models.posteriors.base import PosteriorRecord
from vael.pretrained.model import Model
from vael.randomness import derive_seed

NEEDED = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-5  # of an output, relative to the largest one where that is above 1
SIZES = (1, 2, 7)  # of the batches that it is tried with


class Encoder(nn.Module):
    """``x -> mu, sigma`` of q(z|x), ``(N, d)`` each; ``mu`` alone where sigma has no formula.

    x is float32: images as the likelihood sees them, in [0, 1]; a table, and images
    of real numbers, in their own units.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.vae = model.vae
        self.table = model.preprocess if model.spec.raw_levels is None else None

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map ``(N, *E)`` to the moments."""
        q = self.vae.encode(x if self.table is None else self.table(x))
        sigma = q.sigma if isinstance(q, PosteriorRecord) else None
        return (q.mean,) if sigma is None else (q.mean, sigma)


class Decoder(nn.Module):
    """``z -> x_mean``, the mean of p(x|z): images in [0, 1], other data in its units."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.vae, self.preprocess = model.vae, model.preprocess

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:
        """Map ``(N, d)`` to ``(N, *E)``."""
        return (self.preprocess.restore(self.vae.decode(z[None]).mean[0]),)


class Graph(NamedTuple):
    """Bytes of an .onnx file, and its largest difference between onnxruntime and torch."""

    content: bytes
    difference: float


def export_encoder(model: Model) -> Graph:
    """Export the graph from ``x`` to ``mu`` and ``sigma``."""
    source = torch.Generator().manual_seed(derive_seed(0, "export"))
    examples = []
    for size in SIZES:
        x = torch.rand(size, *model.spec.event_shape, generator=source)
        examples.append(x if model.spec.support == "unit" else model.preprocess.restore(4 * x - 2))
    return _export(Encoder(model), examples, "x", ("mu", "sigma"))


def export_decoder(model: Model) -> Graph:
    """Export the graph from ``z`` to ``x_mean``."""
    source = torch.Generator().manual_seed(derive_seed(0, "export"))
    examples = [torch.randn(size, *model.latent_shape, generator=source) for size in SIZES]
    return _export(Decoder(model), examples, "z", ("x_mean",))


@torch.no_grad()
def _export(net: nn.Module, examples: list[Tensor], name: str, names: tuple[str, ...]) -> Graph:
    missing = [package for package in NEEDED if find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"--format onnx needs {', '.join(missing)}: pip install {' '.join(missing)}."
        )
    net.eval()
    names = names[: len(net(examples[0]))]
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns of operators of torchvision, which nobody uses
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated")  # torch's own use
            traced = torch.export.export(
                net, (examples[-1],), dynamic_shapes=({0: torch.export.Dim("N")},)
            ).run_decompositions({torch.ops.aten.expm1.default: _expm1})
            made = torch.onnx.export(
                traced, dynamo=True, verbose=False, input_names=[name], output_names=list(names)
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


def _difference(net: nn.Module, content: bytes, examples: list[Tensor]) -> float:
    """Return the largest difference between onnxruntime and torch over all examples.

    Raises:
        VaelError: it is above `TOLERANCE`.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    worst = 0.0
    for example in examples:
        found = session.run(None, {given.name: example.numpy()})
        for output, wanted in zip(found, net(example), strict=True):
            expected = wanted.numpy()
            scale = max(1.0, float(np.abs(expected).max()))
            worst = max(worst, float(np.abs(output - expected).max()) / scale)
    if not worst <= TOLERANCE:
        raise VaelError(
            f"the ONNX {type(net).__name__.lower()} must reproduce torch to "
            f"{TOLERANCE:g}, but differs by {worst:.2g}: use --format safetensors."
        )
    return worst
