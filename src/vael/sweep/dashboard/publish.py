"""A workspace saved on wandb, or in a file where nobody is logged in."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vael.errors import ConfigError, VaelError
from vael.files import write_text
from vael.runs.wandb_login import has_login
from vael.sweep.dashboard.workspace import ShownStudy, make_workspace
from vael.sweep.spec.domain import Interval
from vael.sweep.spec.grammar import parse_space
from vael.sweep.spec.snapshot import read_snapshot

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Workspace

OFFLINE = ("offline", "dryrun", "disabled")


def parse_place(place: str) -> tuple[str, str]:
    """Split ``ENTITY/PROJECT``.

    Raises:
        ConfigError: it is not ``ENTITY/PROJECT``.
    """
    entity, _, project = place.partition("/")
    if not entity or not project or "/" in project:
        raise ConfigError(f"--wandb must be ENTITY/PROJECT, but got {place!r}.")
    return entity, project


def publish_workspace(entity: str, project: str, shown: ShownStudy, file: Path) -> str:
    """Save the workspace, or write it to the file where there is no login; say which.

    Args:
        entity: a user or a team of wandb.
        project: of theirs.
        shown: what it is about.
        file: what is written without a login: the workspace as wandb would have been sent it.

    Raises:
        ConfigError: wandb-workspaces is not installed.
        VaelError: wandb refuses it or cannot be reached.
    """
    workspace = make_workspace(entity, project, shown)
    if os.environ.get("WANDB_MODE") in OFFLINE:
        why = f"WANDB_MODE is {os.environ['WANDB_MODE']}"
    elif not has_login():
        why = "nobody is logged in at wandb (wandb login, or WANDB_API_KEY)"
    else:
        return f"workspace {_saved(workspace)}"
    write_text(file, json.dumps(convert_workspace(workspace), indent=2) + "\n")
    return f"{why}: the workspace is written to {file} and not sent"


def convert_workspace(workspace: "Workspace") -> dict[str, Any]:
    """Convert a workspace to what ``save`` sends to wandb."""
    view = workspace._to_model()  # wandb-workspaces has no public word for it
    spec = view.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    where = {"entity": view.entity, "project": view.project}
    return {**where, "displayName": view.display_name, "spec": spec}


def _saved(workspace: "Workspace") -> str:
    """Save a workspace and return its address."""
    import wandb

    try:
        return str(workspace.save().url)
    except (wandb.errors.Error, OSError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise VaelError(
            f"wandb did not take the workspace for {workspace.entity}/"
            f"{workspace.project}: {reason}"
        ) from error


def describe_study(study: str | None, folder: Path | None) -> ShownStudy:
    """Describe what a workspace of this study shows; its folder knows the searched parameters.

    Args:
        study: its name; None: all studies of the project.
        folder: of the sweep, where it is on this machine.

    Raises:
        ConfigError: the folder is no sweep's.
    """
    if folder is None:
        return ShownStudy(study)
    d = read_snapshot(folder).definition
    searched = {p.path: p.domain for p in parse_space(d.space, d.when).parameters}
    logarithmic = frozenset(
        path for path, domain in searched.items() if isinstance(domain, Interval) and domain.log
    )
    return ShownStudy(
        study or d.name, d.targets[0], d.directions[0] == "minimize", tuple(searched), logarithmic
    )
