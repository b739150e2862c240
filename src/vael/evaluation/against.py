"""Score other data by the same model: is an example one of those that it was trained on?"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from vael.config.build import build_data
from vael.errors import ConfigError
from vael.evaluation.parallel import choose_place, score_parts
from vael.evaluation.request import EvaluationRequest
from vael.metrics.detection import Scores, count_scores, measure_detection
from vael.pretrained.scoring import Columns, Part, Scorer
from vael.pretrained.trained import Trained, compose_other_data

NAMES = ("bound", "rate", "distortion", "typicality")
ALIKE = {
    "event_shape": "shape",
    "raw_levels": "levels",
    "levels": "levels after binarisation",
    "support": "support",
}


def load_other(trained: Trained, request: EvaluationRequest) -> Trained:
    """Return the same model with the data of ``--against``, in the units of its training.

    Raises:
        ConfigError: a setting that is not of the data, or data of another shape, other levels or
            another support.
    """
    config: DictConfig = OmegaConf.merge(trained.config)  # type: ignore[assignment]
    config.data = compose_other_data(trained.config, request.against)
    data = build_data(config, trained.seeds, request.path, trained.spec.context)
    data.prepare()
    own, other = trained.spec, data.spec
    for name, what in ALIKE.items():
        mine, theirs = getattr(own, name), getattr(other, name)
        if mine != theirs:
            raise ConfigError(
                f"--against {' '.join(request.against)}: the data must be like that of the run, "
                f"{what} {mine}, but has {what} {theirs}."
            )
    return replace(trained, config=config, data=data, other_data=True)


def score_against(
    request: EvaluationRequest, kind: str, other: Trained, own: Columns, reference: Scores | None
) -> dict[str, Any]:
    """Return the section ``against`` of evaluation.json.

    Of each example four scores are taken, all higher the less it looks like one's own: ``bound``,
    the bound of the most samples on -log p(x), bits or nats as in ``target``; ``rate``,
    ``KL(q(z|x) || p(z))``; ``distortion``, ``-E[log p(x|z)]``; and ``typicality``, how far the
    bound in nats is from its mean over training examples, ``|nll(x) - mean nll|`` (Nalisnick et
    al. 2019, https://arxiv.org/abs/1906.02994, with batches of one). A model may find foreign data
    *likelier* (Nalisnick et al. 2018, https://arxiv.org/abs/1810.09136): an AUROC below 0.5 of the
    bound says so, and typicality answers it. Without a density of q(z|x) there is only the
    distortion.

    Args:
        request: with the settings of the other data.
        kind: ``cpu`` or ``cuda``.
        other: the model with that data.
        own: the scores of one's own examples, of the request's split.
        reference: nll of training examples, nats; None where there is no bound.
    """
    part = Part(request.split)
    scorer = Scorer(other, choose_place(kind, 0), request.samples)
    asked = replace(request, overrides=request.against)
    what = f"against, {scorer.samples} samples"
    found = score_parts(asked, kind, (part,), scorer, what)[part]
    mean = None if reference is None else float(reference.mean())
    names = NAMES if scorer.ks else ("distortion",)
    pairs = {
        name: (_column(own, name, scorer.ks, mean), _column(found, name, scorer.ks, mean))
        for name in names
    }
    m, n = len(found["distortion"]), len(own["distortion"])
    return {
        "settings": list(request.against),
        "data_digest": other.spec.digest,
        "examples": m,
        "own_examples": n,
        "chance": m / (m + n),
        "reference_nll": mean,
        **{name: asdict(measure_detection(*pair)) for name, pair in pairs.items()},
        "histograms": {name: asdict(count_scores(*pair)) for name, pair in pairs.items()},
    }


def _column(
    scores: Mapping[str, Scores], name: str, ks: tuple[int, ...], mean: float | None
) -> Scores:
    """Return one score of each example."""
    if name == "bound":
        k = ks[-1]
        return scores[f"bpd_{k}" if f"bpd_{k}" in scores else f"nll_{k}"]
    if name == "typicality":
        assert mean is not None
        return np.abs(scores[f"nll_{ks[-1]}"] - mean)
    return scores[name]
