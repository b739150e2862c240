"""Make a run's numbers again out of its checkpoint, and hold them against those stored."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from vael.config.flat import Difference, compare_configs
from vael.data.source import Split
from vael.errors import CheckpointError, ConfigError
from vael.evaluation.evaluate import score_run
from vael.evaluation.request import EvaluationRequest, choose_device
from vael.metrics.scores import Scores, add_per_dim
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import Trained, load_trained
from vael.progress import Countdown
from vael.runs.checkpoint import load_checkpoint, read_model_file
from vael.runs.evaluation_file import read_evaluation
from vael.runs.folder import RunFolder, read_config
from vael.runs.provenance import compare_environment, file_digest
from vael.runs.summary import read_summary
from vael.text import word_command

SAME = 1e-12  # several processes may take a sum in another order; all else is equal to the bit
OTHER = 1e-5  # float32 elsewhere (without AVX512 instead of with: 2e-8 was seen)
COARSE = 1e-2  # 16 bits elsewhere; or a GPU, whose convolutions keep 10 bits (TF32), and a CPU
DEVICE = "device"
SECTIONS = (
    "bounds",
    "jackknife",
    "ess",
    "scores",
    "latents",
    "quality",
    "probe",
    "factors",
    "imputation",
    "against",
)


@dataclass(frozen=True)
class VerifiedNumber:
    """Hold a number as it is stored and as it comes out now; None where it is not finite."""

    name: str
    stored: float | None
    now: float | None

    @property
    def difference(self) -> float:
        """Difference relative to the larger of the two, or to 1; infinite if one is no number."""
        if self.stored == self.now:
            return 0.0
        if self.stored is None or self.now is None:
            return math.inf
        return abs(self.stored - self.now) / max(abs(self.stored), abs(self.now), 1)


@dataclass(frozen=True)
class VerifiedNumbers:
    """Hold the numbers of one file, made again.

    Attributes:
        what: file, split and number of samples.
        numbers: all of them.
        tolerance: relative.
        elsewhere: versions and hardware that are not what they were: why the tolerance is wide.
    """

    what: str
    numbers: tuple[VerifiedNumber, ...]
    tolerance: float
    elsewhere: tuple[Difference, ...]

    @property
    def wrong(self) -> list[VerifiedNumber]:
        """The numbers that differ by more than the tolerance, the worst first."""
        found = [number for number in self.numbers if number.difference > self.tolerance]
        return sorted(found, key=lambda number: -number.difference)


@dataclass(frozen=True)
class Verification:
    """Hold what a verification found.

    Attributes:
        compared: all numbers that were made again.
        changed: data, config or checkpoint that are not those of the run.
        left_out: what was not made again, and why.
    """

    compared: tuple[VerifiedNumbers, ...]
    changed: tuple[Difference, ...]
    left_out: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether every number is within its tolerance."""
        return not any(part.wrong for part in self.compared)


def verify_run(
    folder: Path, overrides: Sequence[str] = (), max_seconds: float = 60
) -> Verification:
    """Score the best checkpoint again, as the run itself did: same k, split, chunks and noise.

    Args:
        folder: of a run that has finished.
        overrides: where the data is now: ``data.path=...``.
        max_seconds: evaluation.json is made again if that took no longer when it was made.

    Raises:
        ConfigError: no run, no numbers, or a config or data that cannot be used any more.
        CheckpointError: no checkpoint, or one that does not fit.
    """
    summary = read_summary(folder)
    if summary is None:
        raise ConfigError(
            f"{folder} has no summary.json, so there is nothing to verify: train it "
            f"first ({word_command('vael', 'train', folder)})."
        )
    numbers = {
        split: {n: v for n, v in summary["metrics"].items() if n.startswith(f"{split}/")}
        for split in ("val", "test")
    }
    if not any(numbers.values()):
        raise ConfigError(
            f"{folder}/summary.json ({summary['status']}) holds no val/* and no "
            "test/*, so there is nothing to verify."
        )
    changed = _config(folder)
    try:
        trained = load_trained(folder, overrides)
    except (ConfigError, CheckpointError) as error:
        told = "".join(f" {difference}." for difference in changed)
        raise type(error)(f"{error}{told}") from error
    changed += _content(summary, trained)
    elsewhere = compare_environment(summary)
    then = "cpu" if summary["accelerator"] == "cpu" else "cuda"
    kind = choose_device("cpu" if then == "cpu" else "auto", 1)
    if kind != then:
        elsewhere.append(Difference(DEVICE, then, kind))
    threads = torch.get_num_threads()
    torch.set_num_threads(summary["threads"])
    try:
        scorer = Scorer(trained, torch.device(kind), 1)
        compared = [
            _verify_split(scorer, split, summary, stored, elsewhere)  # type: ignore[arg-type]
            for split, stored in numbers.items()
            if stored
        ]
    finally:
        torch.set_num_threads(threads)
    count = sum(name.startswith("train/") for name in summary["metrics"])
    again = f"only {word_command('vael', 'train', folder, '--again')} makes them again"
    left_out = [f"{count} train/* of summary.json: {again}"]
    evaluation = read_evaluation(folder)
    if evaluation is not None:
        why = _unaffordable(evaluation, overrides, max_seconds)
        if why is None:
            compared.append(_verify_evaluation(folder, evaluation, overrides, trained))
        else:
            left_out.append(f"evaluation.json ({_called(evaluation)}): {why}")
    return Verification(tuple(compared), tuple(changed), tuple(left_out))


def _config(folder: Path) -> list[Difference]:
    """Return where config.yaml differs from the config that the checkpoint holds."""
    now = read_config(folder)
    best = RunFolder(folder).best
    if not best.is_file():
        return []  # load_trained says so
    then = OmegaConf.create(load_checkpoint(best)["config"])
    return compare_configs(then, now, "config.yaml, against the checkpoint's own")


def _content(summary: Mapping[str, Any], trained: Trained) -> list[Difference]:
    recorded = {
        "data_digest": trained.spec.digest,
        "checkpoint_digest": file_digest(trained.checkpoint),
    }
    found = [
        Difference(name, summary[name], now)
        for name, now in recorded.items()
        if summary.get(name) not in (None, now)
    ]
    own = read_model_file(trained.checkpoint).spec.digest  # of a run that went on with other data
    if not found and own != trained.spec.digest:
        found.append(Difference("data_digest (the checkpoint's own)", own, trained.spec.digest))
    return found


def _verify_split(
    scorer: Scorer,
    split: Split,
    summary: Mapping[str, Any],
    stored: Mapping[str, float | None],
    elsewhere: Sequence[Difference],
) -> VerifiedNumbers:
    """Compare the scores of a split, made in the way of ``vael train``."""
    samples = summary["samples"][split]
    now = score_split(scorer, split, samples)
    numbers = tuple(
        VerifiedNumber(name, value, _finite(now.get(name.partition("/")[2])))
        for name, value in stored.items()
    )
    what = f"{split}/* of summary.json, k = {samples}"
    return VerifiedNumbers(what, numbers, _tolerance(scorer.trained, elsewhere), tuple(elsewhere))


def score_split(scorer: Scorer, split: Split, samples: int) -> dict[str, float]:
    """Score a split in one process, as `vael.training.module.LitVAE` would publish it."""
    part = Part(split)
    scores = Scores.of(scorer.vae, scorer.trained.spec).to(scorer.device)
    examples = scorer.examples(part)
    with (
        Countdown(f"{split}, {samples} samples", len(examples.index) * samples) as countdown,
        torch.inference_mode(),
        scorer.precision(),
    ):
        for batch in examples:
            found = scorer.weigh(part, batch, samples, tick=countdown.add)
            scores.update(found.evidence)
    return add_per_dim(scores.compute(), scorer.trained.spec, split)


def _tolerance(trained: Trained, elsewhere: Sequence[Difference]) -> float:
    if not elsewhere:
        return SAME
    fine = str(trained.config.trainer.precision) == "32"
    return OTHER if fine and not any(d.what == DEVICE for d in elsewhere) else COARSE


def _unaffordable(
    evaluation: Mapping[str, Any], overrides: Sequence[str], max_seconds: float
) -> str | None:
    """Return why an evaluation is not made again, or None."""
    if evaluation.get("overrides") and overrides:
        return f"it is of other data ({' '.join(evaluation['overrides'])})"
    if "overrides" not in evaluation and any("other data" in w for w in evaluation["warnings"]):
        return "it is of other data, and an older vael did not record which"
    if evaluation["seconds"] > max_seconds:
        return (
            f"it took {evaluation['seconds']:.0f} s; --max-seconds "
            f"{math.ceil(evaluation['seconds'])} makes it again, too"
        )
    return None


def _verify_evaluation(
    folder: Path, stored: Mapping[str, Any], overrides: Sequence[str], trained: Trained
) -> VerifiedNumbers:
    elsewhere = compare_environment(stored)
    kind = stored["device"]
    if kind == "cuda" and not torch.cuda.is_available():
        elsewhere.append(Difference(DEVICE, kind, "cpu"))
        kind = "cpu"
    devices, threads = 1 if elsewhere else stored["devices"], stored.get("threads", 1)
    given, split = tuple(stored.get("overrides") or overrides), stored["split"]
    against = tuple((stored.get("against") or {}).get("settings", ()))
    request = EvaluationRequest(
        folder, split, stored["samples"], kind, devices, given, threads, against=against
    )
    now = dict(_leaves(score_run(request)))
    numbers = tuple(
        VerifiedNumber(name, value, now.get(name))
        for name, value in _leaves(stored)
        if not (
            elsewhere and name.startswith(("probe", "factors", "against"))
        )  # counts of hits jump
    )
    what = f"evaluation.json, {_called(stored)}"
    return VerifiedNumbers(what, numbers, _tolerance(trained, elsewhere), tuple(elsewhere))


def _called(evaluation: Mapping[str, Any]) -> str:
    return f"{evaluation['split']}, k = {evaluation['samples']}"


def _leaves(node: object, path: str = "") -> Iterator[tuple[str, float | None]]:
    """Yield every number of an evaluation by its path."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            if path or name in SECTIONS:
                yield from _leaves(value, f"{path}.{name}" if path else str(name))
    elif isinstance(node, list | tuple):
        for place, value in enumerate(node):
            yield from _leaves(value, f"{path}.{place}")
    elif node is None or (isinstance(node, int | float) and not isinstance(node, bool)):
        yield path, _finite(node)


def _finite(value: float | None) -> float | None:
    """Return a number as JSON holds it."""
    return value if value is not None and math.isfinite(value) else None
