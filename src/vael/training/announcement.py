"""Announcement of a run: where it is, what it trains on, the model and the device."""

import os

import torch

from vael.distributed.ownership import ATTEMPT
from vael.metrics.evidence import NO_BOUND
from vael.models.latents.codes import Codes
from vael.training.log import log
from vael.training.run import Run


def announce_run(run: Run) -> None:
    """Print what is about to be trained, and write it to train.log.

    A sweep's trials print nothing: their worker shows them.
    """
    lines = [f"run     {run.folder}"]
    lines += [f"data    {line}" for line in (run.data.description, *run.data.notes)]
    lines += [f"model   {_model(run)}", f"device  {_device(run)}"]
    if not run.lit.vae.has_density:
        lines.append(f"score   {run.lit.target.name}: {NO_BOUND}")
    for line in lines:
        log.info(line)
    if ATTEMPT not in os.environ:
        print("\n".join(lines), flush=True)


def _model(run: Run) -> str:
    parameters = sum(p.numel() for p in run.lit.vae.parameters())
    fit = "mass" if run.lit.vae.fits_mass else "density"
    net = run.config.get("choices", {}).get("model", "VAE")
    size = f"{run.lit.latent_size} latent dimensions{_shape(run)}"
    latents = run.lit.vae.latents
    if isinstance(latents, Codes):
        size = f"{latents.code_prior.length} codes of {latents.num_codes:,}"
    return f"{net}, {parameters:,} parameters, {size}; p(x|z) {run.lit.vae.family}, fit {fit}"


def _shape(run: Run) -> str:
    """Return the shape of a latent that is no vector, in brackets."""
    shape = run.lit.vae.latent_shape
    return f" ({' x '.join(map(str, shape))})" if len(shape) > 1 else ""


def _device(run: Run) -> str:
    placement = run.placement
    if placement.accelerator == "gpu":
        name = torch.cuda.get_device_name()
        return f"{placement.world} x {name}, precision {run.config.trainer.precision}"
    threads = torch.get_num_threads()
    each = f"{threads} thread{'s' if threads > 1 else ''}"
    many = f"{placement.world} processes of {each}" if placement.world > 1 else each
    return f"CPU, {many}"
