"""Announcement of a run: where it is, what it trains on, the model and the device."""

import os
from pathlib import Path

import torch
from omegaconf import OmegaConf

from vael.distributed.ownership import ATTEMPT
from vael.training.log import log
from vael.training.run import Run


def announce_run(run: Run) -> None:
    """Print what is about to be trained, and write it to train.log.

    A sweep's trials print nothing: their worker shows them.
    """
    lines = [f"run     {run.folder}", f"data    {_data(run)}", f"model   {_model(run)}"]
    lines.append(f"device  {_device(run)}")
    for line in lines:
        log.info(line)
    if ATTEMPT not in os.environ:
        print("\n".join(lines), flush=True)


def _data(run: Run) -> str:
    spec, config = run.data.spec, run.config.data
    option = run.config.get("choices", {}).get("data")
    place = OmegaConf.select(config, "path")
    name = str(Path(str(place)).expanduser()) if place else str(option or config.get("name"))
    images = len(spec.event_shape) == 3
    total = f"{sum(len(part) for part in run.data.cached.data.parts.values()):,}"
    shape = "x".join(map(str, spec.event_shape)) if images else f"{spec.event_shape[0]} columns"
    classes = f" in {spec.num_classes} classes" if spec.num_classes else ""
    levels = f"{spec.levels} levels" if spec.levels else "no levels"
    splits = f"{spec.num_train:,} train, {spec.num_val:,} validation, {spec.num_test:,} test"
    limit = f" (data.limit={config.limit})" if config.limit else ""
    what = "images" if images else "rows"
    return f"{name}: {total} {what}{classes}, {shape}, {levels}; {splits}{limit}"


def _model(run: Run) -> str:
    parameters = sum(p.numel() for p in run.lit.vae.parameters())
    fit = "mass" if run.lit.vae.fits_mass else "density"
    net = run.config.get("choices", {}).get("model", "VAE")
    return (
        f"{net}, {parameters:,} parameters, {run.lit.latent_size} latent dimensions; p(x|z) "
        f"{run.lit.vae.family}, fit {fit}"
    )


def _device(run: Run) -> str:
    placement = run.placement
    if placement.accelerator == "gpu":
        name = torch.cuda.get_device_name()
        return f"{placement.world} x {name}, precision {run.config.trainer.precision}"
    threads = torch.get_num_threads()
    each = f"{threads} thread{'s' if threads > 1 else ''}"
    many = f"{placement.world} processes of {each}" if placement.world > 1 else each
    return f"CPU, {many}"
