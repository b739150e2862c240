"""Floor 9: what a run that goes on finds otherwise than it was when its checkpoint was saved."""

from collections.abc import Iterable, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vael import circumstances
from vael.errors import ConfigError

PATIENCE = "callbacks.early_stopping.patience"


def edits(saved: Mapping[str, Any], config: DictConfig) -> list[str]:
    """What to say of settings that are not those of the checkpoint.

    Args:
        saved: the checkpoint.
        config: of the run's folder now.

    Raises:
        ConfigError: one of them is in the state that is loaded from the checkpoint: the config
            would not say what is trained.
    """
    found = circumstances.of_config(OmegaConf.create(saved["config"]), config)
    step = saved["global_step"]
    kept = [str(one) for one in found if one.what.startswith(("optimizer.", "scheduler."))
            or (one.what == PATIENCE and None not in (one.then, one.now))]
    if kept:
        raise ConfigError(
            f"config.yaml was edited after step {step}, but an optimiser, its schedule and early "
            f"stopping go on with the state in last.ckpt: {'; '.join(kept)}. Undo that, or start "
            "from these weights in a new folder: python train.py init_from=RUN."
        )
    if not found:
        return []
    return [f"config.yaml was edited after step {step}, from which this run goes on: "
            f"{'; '.join(map(str, found))}"]


def lost(
    saved: Mapping[str, Any], rows: Iterable[Mapping[str, float]], target: str
) -> list[str]:
    """What to say of epochs whose scores are not in metrics.csv any more.

    Args:
        saved: the checkpoint.
        rows: of metrics.csv, up to the checkpoint's step.
        target: the score that each epoch has.
    """
    progress = saved["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    wanted = set(range(saved["epoch"] + bool(progress["is_last_batch"])))
    missing = wanted - {int(row["epoch"]) for row in rows if target in row}
    if not missing:
        return []
    return [f"metrics.csv had lost the scores of {len(missing)} of {len(wanted)} epochs before "
            f"step {saved['global_step']}, from which this run goes on: train/* and val/* of the "
            "summary are of the best epoch that is left, which need not be best.ckpt's"]
