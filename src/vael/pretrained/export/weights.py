"""All of a model in one safetensors file: its weights, its config and what its data was."""

import json
from dataclasses import asdict

from omegaconf import OmegaConf
from safetensors.torch import save

from vael.pretrained.model import Model
from vael.runs.checkpoint import FORMAT, HEADER


def encode_safetensors(model: Model) -> bytes:
    """The bytes of ``model.safetensors``, which `vael.load` reads; the same model, the same bytes.

    The config and the data's description stand as JSON in the header's ``vael``.
    """
    state = {f"vae.{name}": value for name, value in model.vae.state_dict().items()}
    state |= {f"preprocess.{name}": value for name, value in model.preprocess.state_dict().items()}
    header = {
        "format": FORMAT,
        "config": OmegaConf.to_container(model.config),
        "data": asdict(model.spec),
    }
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    content: bytes = save(plain, {HEADER: json.dumps(header)})
    return content
