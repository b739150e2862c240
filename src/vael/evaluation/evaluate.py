"""Evaluate a trained model, and write evaluation.json."""

import time
from typing import Any

import torch

from vael.distributed.processes import keep_freed_memory
from vael.evaluation.against import load_other, score_against
from vael.evaluation.diagnostic_inputs import gather_inputs
from vael.evaluation.diagnostics import diagnose, require_factors
from vael.evaluation.imputation import score_imputation
from vael.evaluation.parallel import Parts, choose_place, score_parts
from vael.evaluation.request import EvaluationRequest, choose_device
from vael.evaluation.result import add_uniform_bits, summarize_scores
from vael.files import write_json
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import Trained, load_trained
from vael.report.figures import draw_detection
from vael.report.pictures import save_picture
from vael.runs.folder import RunFolder
from vael.runs.provenance import describe_machine, git_sha, package_versions
from vael.runs.summary import read_summary


def evaluate_run(request: EvaluationRequest) -> dict[str, Any]:
    """Score a split with K importance samples per example, and writes evaluation.json whole.

    The file holds the last evaluation, of whichever split. An interrupted one leaves it alone.
    Where q(z|x) has no density there are no bounds, and each example is scored by one sample.

    Raises:
        ConfigError: a bad option, config or override; data without factors, if they are wanted;
            other data that is not like the run's.
        CheckpointError: no checkpoint, or one that does not fit the data.
        VaelError: one of several processes died.
    """
    result = score_run(request)
    write_json(request.output, result)
    if request.path.is_dir():
        picture = RunFolder(request.path).against
        picture.unlink(missing_ok=True)  # of an evaluation that is no more
        if "against" in result:
            save_picture(draw_detection(result["against"], result["target"]), picture)
    return result


def score_run(request: EvaluationRequest) -> dict[str, Any]:
    """Return what `evaluate_run` writes; write nothing."""
    started = time.perf_counter()
    request.check()
    keep_freed_memory()
    kind = choose_device(request.device, request.devices)
    trained = load_trained(request.path, request.overrides, request.allow)
    torch.set_num_threads(request.threads)
    other = load_other(trained, request) if request.against else None
    split = Part(request.split)
    spec = trained.spec
    sizes = {"train": spec.num_train, "val": spec.num_val, "test": spec.num_test}
    scorer = Scorer(trained, choose_place(kind, 0), request.samples)
    if request.factors:
        require_factors(scorer, split)
    what = f"{request.split}, {scorer.samples} samples"
    parts: Parts = (split,)
    if request.split != "train" and scorer.ks:
        what, parts = f"{what}, and train beside it", (split, Part("train", sizes[request.split]))
    columns = score_parts(request, kind, parts, scorer, what)
    beside = columns[parts[1]] if len(parts) > 1 else None
    own = columns[split]
    result = summarize_scores(trained, request.split, scorer.ks, own, beside)
    if other is not None:
        nll = (own if beside is None else beside).get(f"nll_{request.samples}")
        result["against"] = score_against(request, kind, other, own, nll)
    diagnosis, warnings = diagnose(gather_inputs(scorer, split))
    if spec.holes and scorer.ks:
        result["imputation"] = score_imputation(scorer, split)
    if trained.vae.is_discrete:
        add_uniform_bits(result, diagnosis["latents"]["codes"])
    result |= {
        **diagnosis,
        "warnings": [*result["warnings"], *_changed(request, trained), *warnings],
        "device": kind,
        "devices": request.devices,
        "threads": torch.get_num_threads(),
        "overrides": list(request.overrides),
        "seconds": time.perf_counter() - started,
        "versions": package_versions(),
        "machine": describe_machine(),
        "git_sha": git_sha(),
        "command": request.command,
    }
    return result


def _changed(request: EvaluationRequest, trained: Trained) -> list[str]:
    summary = read_summary(request.path) if request.path.is_dir() else None
    known = summary.get("data_digest") if summary else None
    if trained.other_data or known in (None, trained.spec.digest):
        return []
    return ["the data has changed since the training: its digest is another one."]
