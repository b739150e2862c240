"""A folder that appears whole or not at all."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from vael.errors import ConfigError, VaelError
from vael.runs.checkpoint import WEIGHTS

MARKS = (WEIGHTS, "encoder.onnx")


def check_target(target: Path, force: bool) -> None:
    """Refuses to write over anything but, if asked for, an earlier export.

    Raises:
        ConfigError: there is something in the way.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not any((target / mark).is_file() for mark in MARKS):
        raise ConfigError(f"{target} exists and is no export: name another folder with --output.")
    if not force:
        raise ConfigError(
            f"{target} exists: add --force to replace it, or name another folder with --output."
        )


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Writes a folder of these files in the place of an earlier one, or leaves all as it was.

    Raises:
        VaelError: the disk is full or the place cannot be written.
    """
    work = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        new, old = work / "new", work / "old"
        new.mkdir()
        for name, content in files.items():
            (new / name).write_bytes(content)
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise VaelError(
            f"cannot write {target}: {error.strerror or error}. Free some space or "
            "make the folder writable."
        ) from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
