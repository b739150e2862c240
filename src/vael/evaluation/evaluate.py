"""Floor 9: one evaluation of a trained model, written to evaluation.json."""

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from vael.data.source import Split
from vael.distributed.processes import keep_freed_memory
from vael.errors import ConfigError
from vael.evaluation.diagnostic_inputs import gather_inputs
from vael.evaluation.diagnostics import diagnose
from vael.evaluation.parallel import ScoringJob, choose_device, score_parts
from vael.evaluation.result import summarize_scores
from vael.files import write_json
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import Trained, load_trained
from vael.runs.evaluation_file import FILE
from vael.runs.provenance import describe_machine, git_sha, package_versions
from vael.runs.summary import read_summary


@dataclass(frozen=True)
class EvaluationRequest:
    """What is asked for.

    Attributes:
        path: a run's folder, or a checkpoint file.
        split: ``train | val | test``.
        samples: K, importance samples per example.
        device: ``auto | cpu | cuda``.
        devices: processes, each with a GPU of its own on ``cuda``.
        overrides: other data of the same shape: ``data=...``, ``data.path=...``.
        threads: CPU threads of each process. Sums over another number of threads round
            differently, and threads collapse where other work wants the cores: processes do not.
        allow: packages of the user's own that the config in a checkpoint file may name.
    """

    path: Path
    split: Split = "test"
    samples: int = 1000
    device: str = "auto"
    devices: int = 1
    overrides: tuple[str, ...] = ()
    threads: int = 1
    allow: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuses what cannot work whatever the run is.

        Raises:
            ConfigError: names the option.
        """
        if self.samples < 1:
            raise ConfigError(f"--samples must be at least 1, but got {self.samples}.")
        if self.split not in get_args(Split):
            raise ConfigError(
                f"--split must be one of {', '.join(get_args(Split))}, but got {self.split}."
            )
        if self.threads < 1:
            raise ConfigError(f"--threads must be at least 1, but got {self.threads}.")

    @property
    def output(self) -> Path:
        """``evaluation.json`` in the run's folder, or beside the checkpoint file."""
        return (self.path if self.path.is_dir() else self.path.parent) / FILE

    @property
    def command(self) -> str:
        """What gives the same again."""
        device = [] if self.device == "auto" else ["--device", self.device]
        threads = [] if self.threads == 1 else ["--threads", str(self.threads)]
        allowed = [word for package in self.allow for word in ("--allow", package)]
        return shlex.join(
            [
                "vael",
                "evaluate",
                str(self.path),
                "--split",
                self.split,
                "--samples",
                str(self.samples),
                *device,
                *threads,
                *allowed,
                *self.overrides,
            ]
        )


def evaluate_run(request: EvaluationRequest) -> dict[str, Any]:
    """Scores a split with K importance samples per example, and writes evaluation.json whole.

    The file holds the last evaluation, of whichever split. An interrupted one leaves it alone.

    Raises:
        ConfigError: a bad option, config or override.
        CheckpointError: no checkpoint, or one that does not fit the data.
        VaelError: one of several processes died.
    """
    result = score_run(request)
    write_json(request.output, result)
    return result


def score_run(request: EvaluationRequest) -> dict[str, Any]:
    """What `evaluate` writes; nothing is written."""
    started = time.perf_counter()
    request.check()
    keep_freed_memory()
    kind = choose_device(request.device, request.devices)
    trained = load_trained(request.path, request.overrides, request.allow)
    torch.set_num_threads(request.threads)
    split = Part(request.split)
    sizes = {
        "train": trained.spec.num_train,
        "val": trained.spec.num_val,
        "test": trained.spec.num_test,
    }
    train = Part("train", sizes[request.split])
    parts = (split,) if request.split == "train" else (split, train)
    job = ScoringJob(
        request.path,
        request.overrides,
        request.allow,
        parts,
        request.samples,
        kind,
        request.devices,
        request.threads,
    )
    scorer = Scorer(trained, job.device(0), request.samples)
    what = f"{request.split}, {request.samples} samples"
    columns = score_parts(job, scorer, what if train is split else f"{what}, and train beside it")
    beside = None if request.split == "train" else columns[train]
    result = summarize_scores(trained, request.split, scorer.ks, columns[split], beside)
    diagnosis = diagnose(gather_inputs(scorer, split))
    result |= {
        **diagnosis.sections,
        "warnings": [*result["warnings"], *_changed(request, trained), *diagnosis.warnings],
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
