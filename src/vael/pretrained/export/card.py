"""Write the model card: what an exported model is, where it comes from, how to use it."""

import json
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from vael.config.condition_options import describe_condition
from vael.metrics.catalog import find_metric
from vael.pretrained.export.onnx import name_told
from vael.pretrained.model import Model
from vael.runs.checkpoint import WEIGHTS
from vael.types import DataSpec


def card_text(
    model: Model,
    summary: Mapping[str, Any] | None,
    license_name: str,
    differences: Mapping[str, float],
) -> str:
    """Return a README in the form that model hubs read.

    Args:
        model: what is exported.
        summary: of its run, or None where only a checkpoint is at hand.
        license_name: of the weights, such as ``apache-2.0``; ``unknown``.
        differences: of the ONNX graphs from torch by name; empty for safetensors.
    """
    config = model.config
    choices = config.get("choices") or {}
    name = str(config.name)
    own = config.latents.get("prior")  # codes have no other, and no family of q(z|x)
    built = {
        "model": choices.get("model"),
        "shape of z": " x ".join(map(str, model.latent_shape)),
        "likelihood": _node(config.likelihood),
        "latents": _node(config.latents),
        **({} if own else {"posterior": _node(config.posterior)}),
        "prior": _node(own or config.prior),
        "objective": _node(config.objective),
    }
    if model.spec.context:
        built["condition"] = describe_condition(config)
    parts = [
        f"---\nlicense: {json.dumps(license_name)}\nlibrary_name: vael\n"
        "tags: [variational-autoencoder]\n---",
        f"# {_plain(name)}",
        "A variational autoencoder trained with vael. `config.yaml` is its whole configuration.",
        "## Use",
        _onnx(model, differences) if differences else _python(model),
        "## Data",
        _table(_data(model, summary)),
        "## Model",
        _table(built),
        "## Scores",
        _scores(summary),
        "## Origin",
        _origin(config.get("command", ""), summary),
        "## Licence",
        f"Of the weights: {_plain(license_name)}. The data may have one of its own.",
    ]
    return "\n\n".join(parts) + "\n"


def range_text(spec: DataSpec, binarize: str) -> str:
    """Say what the values of x are, in words, as the networks see them."""
    if spec.support == "real":
        kind = "a table in its own units" if len(spec.event_shape) == 1 else "any real numbers"
        return kind + (f", columns {', '.join(spec.columns)}" if spec.columns else "")
    if binarize != "none":
        return f"0 or 1 (binarised, {binarize})"
    return "in [0, 1]" + (f", multiples of 1/{spec.levels - 1}" if spec.levels else "")


def _data(model: Model, summary: Mapping[str, Any] | None) -> dict[str, Any]:
    spec, config = model.spec, model.config
    source = OmegaConf.select(config, "choices.data")
    rows = {
        "data": source,
        "shape of x": " x ".join(map(str, spec.event_shape)),
        "values": range_text(spec, config.data.binarize),
        "examples": f"{spec.num_train:,} to train, {spec.num_val:,} to validate, "
        f"{spec.num_test:,} to test",
        "digest": f"`{spec.digest}`",
    }
    card = (summary or {}).get("data_card")
    return rows | ({"card": card} if card else {})


def _python(model: Model) -> str:
    axes = ", ".join(map(str, model.spec.event_shape))
    names = [name for name, _ in model.spec.context]
    told, one = "", ""
    if names:
        given = "{" + ", ".join(f'"{name}": ...' for name in names) + "}"
        is_label = model.config.condition.kind == "label"
        told, one = (", label=y", ", label=3") if is_label else (f", given={given}",) * 2
    return (
        "```python\nimport vael\n\n"
        f'model = vael.load("{WEIGHTS}")  # or this folder\n'
        f"mu, sigma = model.encode(x{told})  # x: (N, {axes})\n"
        f"x_mean = model.decode(mu{told})\nsamples = model.sample(16{one})\n```"
    )


def _onnx(model: Model, differences: Mapping[str, float]) -> str:
    axes = ", ".join(map(str, model.spec.event_shape))
    beside = {
        part: "".join(f', "{name}": {name}' for name in name_told(model, part))
        for part in ("encoder", "decoder")
    }
    told = {"label": "label: (N,) int64. ", "given": _given_text(model.spec)}
    said = "".join(told[name] for name in name_told(model, "decoder"))
    worst = ", ".join(f"{name} {value:.1g}" for name, value in differences.items())
    return (
        "```python\nimport onnxruntime\n\n"
        'encoder = onnxruntime.InferenceSession("encoder.onnx")\n'
        'decoder = onnxruntime.InferenceSession("decoder.onnx")\n'
        f'(mu,) = encoder.run(["mu"], {{"x": x{beside["encoder"]}}})  # x: (N, {axes}) float32\n'
        f'(x_mean,) = decoder.run(None, {{"z": mu{beside["decoder"]}}})\n```\n\n'
        f"{said}The values of x are those of the table below; z is float32, where p(z) lies; "
        "x_mean is the mean of p(x|z). Largest relative difference from PyTorch when it was "
        f"exported: {worst}."
    )


def _given_text(spec: DataSpec) -> str:
    names = ", ".join(name for name, _ in spec.context)
    return f"given: (N, {len(spec.context)}) float32, of {names} in the units of the data. "


def _scores(summary: Mapping[str, Any] | None) -> str:
    if summary is None:
        return "Not known: it was exported from a checkpoint without its run's folder."
    rows = {}
    for name, value in summary["metrics"].items():
        split, metric = name.partition("/")[0], find_metric(name)
        if split in ("val", "test") and metric is not None and value is not None:
            k = f", k = {summary['samples'][split]}" if metric.sampled else ""
            rows[name] = f"{value:.4f} {metric.unit}{k}".strip()
    if not rows:
        return "None yet: the run has not been scored."
    text = "Nats per example, bits per dimension of the discrete data; k importance samples."
    return f"{text}\n\n{_table(rows)}"


def _origin(command: str, summary: Mapping[str, Any] | None) -> str:
    fenced = f"```\n{command.replace('`', chr(39))}\n```"
    if summary is None:
        return fenced
    versions = ", ".join(f"{name} {number}" for name, number in summary["versions"].items())
    facts = {
        "status": summary["status"],
        "seed": summary["seed"],
        "epochs": summary["epochs"],
        "parameters": f"{summary['parameters']:,}",
        "weights": summary["weights"],
        "git": summary["git_sha"],
        "versions": versions,
    }
    return f"{fenced}\n\n{_table(facts)}"


def _node(node: Any) -> str:
    """Return a section of the config in a line: its class and its options."""
    plain = OmegaConf.to_container(node)
    assert isinstance(plain, dict)
    target = str(plain.pop("_target_", "")).rpartition(".")[2]
    options = [f"{name!s}={v}" for name, v in plain.items() if not isinstance(v, dict)]
    return f"{target}({', '.join(options)})"


def _table(rows: Mapping[str, Any]) -> str:
    lines = [f"| {_plain(name)} | {_plain(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _plain(value: object) -> str:
    """Return a text that ends no cell and starts no markup of a page."""
    text = " ".join(str("-" if value is None else value).split())
    return text.replace("|", "\\|").replace("<", "&lt;")
