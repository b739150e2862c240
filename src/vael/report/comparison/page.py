"""Write a page about two runs, from nothing but the files in their folders."""

from pathlib import Path

from omegaconf import DictConfig

from vael.config.flat import compare_settings, flat_config
from vael.config.yaml import read_settings
from vael.errors import ConfigError
from vael.files import write_text
from vael.report.comparison.charts import COLOURS, overlay_plots
from vael.report.comparison.numbers import compare_scores
from vael.report.contents import InlinePicture, RunContents, read_run
from vael.report.page import describe_run, list_circumstances, open_template
from vael.runs.folder import RunFolder
from vael.text import word_command

NOT_SET = "not set"  # a setting that the other run has
ABSENT = "\u2013"  # a dash as typographers mean it


def write_comparison(a: Path, b: Path, output: Path | None = None) -> Path:
    """Write the page atomically, into ``a`` as ``report_vs_NAME.html``, and return its path.

    Args:
        a: a run's folder, what the differences are counted from.
        b: another run's folder.
        output: a path that ends in ``.html``, or None.

    Raises:
        ConfigError: a folder that is no run, a sweep, the same run twice, an output of another
            kind.
    """
    for path in (a, b):
        if (path / "sweep.yaml").is_file():
            raise ConfigError(
                f"{path} is a sweep, and two runs are put side by side: give two "
                f"runs (its trials are runs), or {word_command('vael', 'report', path)} alone."
            )
        RunFolder(path).require()
    if a.resolve() == b.resolve():
        alone = word_command("vael", "report", a)
        raise ConfigError(f"{a} and {b} are the same run: give two, or {alone}.")
    target = output or a / f"report_vs_{b.resolve().name}.html"
    if target.suffix != ".html" or target.is_dir():
        raise ConfigError(f"--output must be a file that ends in .html, got {target}.")
    write_text(target, render_comparison(a, b))
    return target


def render_comparison(a: Path, b: Path) -> str:
    """Render the page as HTML."""
    paths, runs = (a, b), (read_run(a), read_run(b))
    sides = [
        {"letter": letter, "colour": colour, "path": str(path), **describe_run(run)}
        for (letter, colour), path, run in zip(COLOURS.items(), paths, runs, strict=True)
    ]
    changed, equal = list_changes(*(read_settings(RunFolder(path).config) for path in paths))
    curves = overlay_plots(runs)
    one, two = (dict(list_circumstances(run)) for run in runs)
    return open_template("comparison.html").render(
        title=" against ".join("/".join(path.resolve().parts[-2:]) for path in paths),
        sides=sides,
        groups=compare_scores(paths, runs),
        changed=changed,
        equal=equal,
        curves=curves,
        plots=curves,
        pictures=_pictures(*runs),
        environment=[(n, one.get(n, ABSENT), two.get(n, ABSENT)) for n in {**one, **two}],
    )


def list_changes(a: DictConfig, b: DictConfig) -> tuple[list[tuple[str, str, str]], int]:
    """Return the settings that differ, by dotted name, and how many others are equal."""
    one, two = flat_config(a), flat_config(b)
    found = compare_settings(one, two, NOT_SET)
    # the command is no setting
    equal = len((one.keys() | two.keys()) - {"command"}) - len(found)
    return [(d.what, _text(d.then), _text(d.now)) for d in found], equal


def _text(value: object) -> str:
    return "null" if value is None else str(value)


def _pictures(a: RunContents, b: RunContents) -> list[tuple[str, list[InlinePicture | None]]]:
    """Return pictures of one name, beside each other; None where a run has none of it."""
    by_name = [{picture.name: picture for picture in run.pictures} for run in (a, b)]
    names = dict.fromkeys(name for pictures in by_name for name in pictures)
    return [(name, [pictures.get(name) for pictures in by_name]) for name in names]
