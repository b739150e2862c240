"""Read a run folder for its report: every part of it may be missing or broken."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vael.config.yaml import parse_yaml
from vael.errors import ConfigError
from vael.runs.folder import RunFolder
from vael.runs.json_files import peek_json
from vael.runs.metrics_csv import History, read_history
from vael.runs.summary import peek_summary

ORDER = (
    *("reconstructions", "samples", "traversal", "latent_maps"),
    *("codes", "codebook", "code_usage", "latent_scatter"),
)
REDRAWN = "curves"  # its numbers are in the interactive plots, where there are any


@dataclass(frozen=True)
class InlinePicture:
    """An inlined picture."""

    name: str
    uri: str
    width: int
    height: int
    caption: str


@dataclass(frozen=True)
class RunContents:
    """What a run folder holds; each part may be missing."""

    config: Mapping[str, Any]
    config_text: str
    summary: Mapping[str, Any]
    history: History
    pictures: Sequence[InlinePicture]
    evaluation: Mapping[str, Any]

    def node(self, path: str) -> Any:
        """Return the value at a dotted path of the config, or None."""
        found: Any = self.config
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def choice(self, group: str) -> str:
        """Return the option taken of a config group; without a record, the class it names."""
        node = self.node(group)
        target = node.get("_target_") if isinstance(node, Mapping) else node
        return str(self.node(f"choices.{group}") or str(target or "").rsplit(".", 1)[-1])

    @property
    def data_name(self) -> str:
        """What the data is called: one's own by its file or folder, a data set by its option."""
        return name_data(self.choice("data"), self.node("data.path"))

    @property
    def metrics(self) -> dict[str, float]:
        """The final numbers; empty where the run has not written its summary."""
        found = self.summary.get("metrics")
        pairs = found.items() if isinstance(found, Mapping) else ()
        return {str(name): float(value) for name, value in pairs if isinstance(value, int | float)}

    @property
    def latest(self) -> dict[str, float]:
        """The last logged value of each series."""
        return {n: series.value[-1] for n, series in self.history.series.items() if series.value}


def name_data(option: str, path: object) -> str:
    """Return what the data of a config is called, by its option and ``data.path``."""
    own = option in ("array", "folder") and isinstance(path, str)
    return Path(str(path)).stem or option if own else option


def read_run(run: Path) -> RunContents:
    """Read whatever of a run can be read."""
    folder = RunFolder(run)
    text = _text(folder.config)
    images = {path.stem: path for path in sorted(folder.images.glob("*.png"))}
    history = read_history(folder.metrics)
    names = [n for n in ORDER if n in images] + [n for n in images if n not in ORDER]
    pictures = [_picture(images[n]) for n in names if n != REDRAWN or not history.series]
    shown = [picture for picture in pictures if picture]
    evaluation = peek_json(folder.evaluation)
    return RunContents(_config(text), text, peek_summary(run), history, shown, evaluation)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _config(text: str) -> Mapping[str, Any]:
    from omegaconf import OmegaConf

    try:
        config = OmegaConf.to_container(parse_yaml(text, "the config"), resolve=False)
    except ConfigError:
        return {}
    return {str(k): v for k, v in config.items()} if isinstance(config, dict) else {}


def _picture(path: Path) -> InlinePicture | None:
    """Read a picture with its size and its caption, or None where it cannot be read."""
    from PIL import Image

    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            caption = str(image.info.get("Description", ""))
            width, height = image.size
    except (OSError, SyntaxError, ValueError):  # Pillow calls a broken PNG a SyntaxError
        return None
    uri = "data:image/png;base64," + base64.b64encode(content).decode()
    return InlinePicture(path.stem.replace("_", " ").capitalize(), uri, width, height, caption)
