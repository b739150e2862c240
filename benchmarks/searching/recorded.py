"""Tell from recorded studies how early ranks foretell the end, and what a pruner would save."""

import statistics
from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from searching.compare import EPOCHS, PRUNERS
from searching.landscape import extend
from searching.records import Record, Trial
from searching.replay import prune_recorded

AFTER = (8, 25, 50, 75)  # epochs
BEST = 0.3  # share of the configurations among which a search must choose


def rank_table(trials: Sequence[Trial]) -> str:
    """Write Spearman's correlation of the score after some epochs with that at the end.

    Args:
        trials: of different configurations, each trained to its end.
    """
    curves = np.array([np.minimum.accumulate(extend(t.curve, EPOCHS)) for t in trials])
    last = curves[:, -1]
    best = last <= np.quantile(last, BEST)
    lines = [
        f"| after epochs | all {len(trials)} configurations | the best {100 * BEST:.0f} % |",
        "|---|---|---|",
    ]
    for epoch in AFTER:
        found = [
            float(spearmanr(curves[rows, epoch - 1], last[rows]).statistic)
            for rows in (np.ones(len(last), bool), best)
        ]
        lines.append(f"| {epoch} | {found[0]:.2f} | {found[1]:.2f} |")
    return "\n".join(lines)


def pruner_table(records: Sequence[Record]) -> str:
    """Write what each pruner would have spent and lost on studies that had none."""
    lines = ["| pruner | epochs, median | loss, median | worst |", "|---|---|---|---|"]
    whole = [prune_recorded(record, None, EPOCHS) for record in records]
    for name, pruner in PRUNERS.items():
        if pruner is None:
            continue
        runs = [prune_recorded(record, pruner, EPOCHS) for record in records]
        pairs = list(zip(runs, whole, strict=True))
        share = statistics.median(run.ends[-1][0] / full.ends[-1][0] for run, full in pairs)
        loss = [100 * (run.best() / full.best() - 1) for run, full in pairs]
        lines.append(
            f"| {name} | {share:.2f} | {statistics.median(loss):.2f} % | {max(loss):.2f} % |"
        )
    return "\n".join(lines)
