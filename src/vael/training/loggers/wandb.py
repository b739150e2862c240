"""Logging to wandb, online where somebody is logged in, else offline: it never blocks."""

import os
import re
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytorch_lightning.loggers import Logger

from vael.errors import ConfigError
from vael.files import write_json, write_text
from vael.runs.folder import RunFolder
from vael.runs.json_files import peek_json
from vael.runs.wandb_login import has_login
from vael.text import word_command
from vael.training.loggers.base import Board, require_package

if TYPE_CHECKING:
    from wandb import Artifact, Run

INIT_SECONDS = 20.0
PARTS_FILE = "parts.json"
KILLED = "killed-"
AXES = ("trainer/global_step", "epoch")  # the first is the usual one


@dataclass(eq=False)
class Wandb(Board):
    """Log to one wandb run, in ``RUN/wandb``; a continued vael run keeps ``RUN/wandb/id``.

    Args:
        project: wandb project.
        entity: user or team, null for the default.
        group: groups runs, the study's name in a sweep.
        job_type: ``train``, ``trial``, ...
        tags: labels to filter by; a single text is one.
        checkpoints: ``best``: a finished run's best weights become an artifact; None: none.
    """

    project: str
    entity: str | None
    group: str | None
    job_type: str
    tags: str | Sequence[str]
    checkpoints: Literal["best"] | None = None

    def __post_init__(self) -> None:
        require_package("wandb")
        self._folder = Path()
        self._run: Run | None = None
        self._parts: OfflineParts | None = None

    def open(self, run: Path, config: Mapping[str, object]) -> Sequence[Logger]:
        """Start or continue the run and wrap it for Lightning."""
        import wandb
        from pytorch_lightning.loggers import WandbLogger

        _leave_foreign_sweep()
        self._folder = run
        mode = os.environ.get("WANDB_MODE") or ("online" if has_login() else "offline")
        try:
            self._run = self._init(run, config, mode)
        except (wandb.errors.Error, TimeoutError, ValueError) as error:
            why = _without_links(str(error))
            if isinstance(error, wandb.errors.UsageError | ValueError):
                raise ConfigError(
                    f"logger=wandb: wandb refuses its settings: {why}. See logger.* in the "
                    "config, and the variables WANDB_*."
                ) from error
            print(f"vael: wandb cannot be reached ({why}); logging offline", file=sys.stderr)
            wandb.teardown()  # its service still holds the id of the run that failed
            mode = "offline"
            self._run = self._init(run, config, mode)
        if mode in ("offline", "dryrun"):
            folder = Path(self._run.dir).parent
            self._parts = OfflineParts(RunFolder(run).wandb, folder.name)
            upload = word_command("wandb", "sync", folder)
            print(f"vael: wandb logs offline; `{upload}` uploads it", file=sys.stderr)
        for axis in AXES:
            self._run.define_metric(axis)
        self._run.define_metric("*", step_metric=AXES[0], step_sync=True)
        return [WandbLogger(experiment=self._run)]

    def _init(self, run: Path, config: Mapping[str, object], mode: str) -> "Run":
        import wandb

        return wandb.init(
            project=self.project,
            entity=self.entity,
            group=self.group,
            job_type=self.job_type,
            tags=[self.tags] if isinstance(self.tags, str) else [str(tag) for tag in self.tags],
            dir=str(run),
            id=_own_id(run),
            name=_name(run, config),
            resume="allow",
            mode=mode,  # type: ignore[arg-type]
            config=dict(config),
            settings=wandb.Settings(
                silent=True,
                init_timeout=INIT_SECONDS,
                program=str(config.get("command") or "vael train"),
            ),
        )

    def catch_up(self, rows: Mapping[int, Mapping[str, float]]) -> None:
        """Log once more what a killed process has logged offline and took with it."""
        if self._run is None or self._parts is None:
            return
        since = self._parts.begin(max(rows, default=0))
        for step, row in rows.items():
            if step > since:
                self._run.log({**row, "trainer/global_step": step})

    def pictures(self, images: Mapping[str, Path], step: int) -> None:
        """Show one media panel for each picture."""
        import wandb

        assert self._run is not None
        shown = {name: wandb.Image(str(path)) for name, path in images.items()}
        self._run.log({**shown, "trainer/global_step": step})

    def facts(self, facts: Mapping[str, object]) -> None:
        """Write them to the summary."""
        if self._run is not None:
            self._run.summary.update(dict(facts))

    def close(self, summary: Mapping[str, float], succeeded: bool) -> None:
        """Write the final scores to the summary and finish, so that nothing leaks on."""
        if self._run is None:
            return
        self._run.summary.update(dict(summary))
        best = RunFolder(self._folder).best
        if self.checkpoints == "best" and succeeded and best.is_file():
            self._run.log_artifact(_artifact(self._run.id, best, summary))
        self._run.finish(exit_code=0 if succeeded else 1)
        if self._parts is not None:
            self._parts.end()
        self._run = self._parts = None


def _without_links(text: str) -> str:
    """Return pydantic's words in one line, without its own vocabulary."""
    plain = re.sub(r" \[type=\w+, input_value=(.*?), input_type=\w+\]", r", got \1", text)
    return " ".join(re.sub(r"For further information visit \S+", "", plain).split())


def _name(run: Path, config: Mapping[str, object]) -> str:
    """Return the name to show: a trial's has its study and number, another's its folder."""
    study = config.get("sweep.name")
    for kind in ("trial", "confirmation"):
        number = config.get(f"sweep.{kind}")
        if study is not None and number is not None:
            return f"{study}/{kind}-{number:04}"
    return f"{run.parent.name}/{run.name}"


def _artifact(run: str, best: Path, scores: Mapping[str, float]) -> "Artifact":
    import wandb

    made = wandb.Artifact(f"vael-{run}", type="model", metadata=dict(scores))
    made.add_file(str(best))
    return made


def _leave_foreign_sweep() -> None:
    """Take a sweep that is left in the environment out of it.

    wandb would ignore the run's own id, so that a continued run becomes a second one.
    """
    for name in ("WANDB_SWEEP_ID", "WANDB_LAUNCH"):
        if os.environ.pop(name, None) is not None:
            print(
                f"vael: {name} is set in the environment and left out: a run keeps its own id",
                file=sys.stderr,
            )


def _own_id(run: Path) -> str:
    """Return the wandb id of a run folder, made at its first start and kept there."""
    path = RunFolder(run).wandb / "id"
    if not path.exists():
        write_text(path, uuid.uuid4().hex[:12])
    return path.read_text()


class OfflineParts:
    """Track which folders of an offline wandb run are whole: one for each attempt.

    One that was killed holds nothing or the beginning of its rows.

    wandb keeps 32 KiB back and cannot take up a file again. So a part that was killed is put
    aside, as ``killed-offline-run-...``, and the next one repeats its rows from metrics.csv.

    Args:
        folder: ``RUN/wandb``.
        own: name of this attempt's folder there.
    """

    def __init__(self, folder: Path, own: str) -> None:
        self.folder, self.own = folder, own
        self.known = peek_json(folder / PARTS_FILE)

    def begin(self, step: int) -> int:
        """Put the killed ones aside, and return the step after which rows are to be repeated.

        Args:
            step: that this attempt goes on from.
        """
        since = step
        for name, part in self.known.items():
            path = self.folder / name
            if not part["whole"] and path.is_dir():
                path.rename(self.folder / f"{KILLED}{name}")
                since = min(since, int(part["since"]))
        self.known[self.own] = {"since": since, "whole": False}
        write_json(self.folder / PARTS_FILE, self.known)
        return since

    def end(self) -> None:
        """Note that all of this attempt is written."""
        self.known[self.own]["whole"] = True
        write_json(self.folder / PARTS_FILE, self.known)
