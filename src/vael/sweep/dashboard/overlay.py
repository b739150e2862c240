"""A study as optuna-dashboard reads it: each trial with its pictures and its report.

Nothing is written to the study and no picture is copied: the run folders are looked at whenever
the page asks, so a sweep that is under way is not disturbed and its new trials have their
pictures too, whatever storage the study is in.
"""

import copy
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vael.report.contents import ORDER
from vael.runs.folder import RunFolder
from vael.sweep.study.records import trial_folder

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study._frozen import FrozenStudy


class RunPictures:
    """The PNG files of a sweep's trials as an artifact store of Optuna.

    Args:
        folder: the sweep's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths: dict[str, Path] = {}

    def list_files(self, number: int) -> dict[str, str]:
        """Return a trial's file names by artifact id; a picture that changes gets a new id."""
        images = RunFolder(trial_folder(self.folder, number)).images
        found = {}
        for path in sorted(images.glob("*.png"), key=_place):
            try:
                about = f"{number}/{path.name}/{path.stat().st_mtime_ns}"
            except OSError:
                continue  # being replaced
            identity = hashlib.blake2b(about.encode(), digest_size=16).hexdigest()
            self._paths[identity] = path
            found[identity] = path.name
        return found

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Open a picture that `list_files` has named.

        Raises:
            ArtifactNotFound: it has not, or the file is gone.
        """
        from optuna.artifacts.exceptions import ArtifactNotFound

        try:
            return self._paths[artifact_id].open("rb")
        except (KeyError, OSError) as error:
            raise ArtifactNotFound(f"there is no picture {artifact_id}") from error

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Refuse: the dashboard only looks."""
        raise NotImplementedError

    def remove(self, artifact_id: str) -> None:
        """Refuse: the dashboard only looks."""
        raise NotImplementedError


def _place(path: Path) -> tuple[int, str]:
    known = ORDER.index(path.stem) if path.stem in ORDER else len(ORDER)
    return known, path.name


class Overlay:
    """A storage with one study, whose attributes name pictures, links and targets.

    optuna-dashboard reads these from attributes of the study; all else is the storage's own.

    Args:
        storage: of the study.
        study_id: there.
        targets: what the values are called.
        pictures: of the trials.
    """

    def __init__(
        self,
        storage: "BaseStorage",
        study_id: int,
        targets: tuple[str, ...],
        pictures: RunPictures,
    ) -> None:
        self._storage, self._study_id = storage, study_id
        self._targets, self._pictures = targets, pictures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_all_studies(self) -> list["FrozenStudy"]:
        """Return the one study."""
        every = self._storage.get_all_studies()
        shown = [copy.copy(study) for study in every if study._study_id == self._study_id]
        for study in shown:
            study.system_attrs = self._added() | study.system_attrs
        return shown

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the study's own attributes and those that are added."""
        return self._added() | self._storage.get_study_system_attrs(study_id)

    def _added(self) -> dict[str, Any]:
        found: dict[str, Any] = {"study:metric_names": list(self._targets)}
        found |= _note(None, "[Open the report of this sweep](/report)")
        for trial in self._storage.get_all_trials(self._study_id, deepcopy=False):
            own = trial._trial_id
            link = f"[Open the report of trial {trial.number}](/report/{trial.number})"
            run = trial_folder(self._pictures.folder.resolve(), trial.number)
            found |= _note(own, f"{link}\n\nIts run: `{run}`")
            for identity, name in self._pictures.list_files(trial.number).items():
                about = {"artifact_id": identity, "filename": name, "mimetype": "image/png"}
                entry = json.dumps({**about, "encoding": None})
                found[f"dashboard:artifacts:{own}:{identity}"] = entry
        return found


def _note(trial_id: int | None, text: str) -> dict[str, Any]:
    prefix = "dashboard:" if trial_id is None else f"dashboard:{trial_id}:"
    return {f"{prefix}note_ver": 1, f"{prefix}note_str:0": text}
