"""Options of scoring and logging of the LightningModule."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Options of scoring and logging.

    Attributes:
        samples: k, importance samples per example of ``val/*``.
        test_samples: k of ``test/*``.
        split_seed: seed of the binarisation in evaluation: part of the data, not of the run.
        log_every_n_steps: optimiser steps between two rows of ``train/step_loss`` and the like.
        total_steps: optimiser steps of the whole run, for schedules.
        skip_gradient_above: a step with a larger (or no finite) norm of the gradient is left out.
    """

    samples: int
    test_samples: int
    split_seed: int
    log_every_n_steps: int
    total_steps: int
    skip_gradient_above: float | None = None
