"""Write ``report.html``: one page about one run, from nothing but the files in its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vael.errors import ConfigError
from vael.files import remove_unfinished, write_text
from vael.report.contents import RunContents, read_run
from vael.report.evaluation import tabulate_evaluation
from vael.report.numbers import format_number, tabulate_metrics
from vael.runs.folder import RunFolder
from vael.text import duration_text

if TYPE_CHECKING:
    from jinja2 import Template

SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
NOTES = {"train": "mean of its epoch"}
STATUS = {
    "finished": "",
    "failed": "This run failed; what is here is what it had written.",
    "interrupted": "This run was interrupted and can be continued.",
    "pruned": "This run was stopped early by its search.",
    "unfinished": "This run is not finished: it still trains, or was killed.",
}


def write_report(run: Path) -> Path:
    """Write ``run/report.html`` atomically, and return its path.

    The page opens without network: pictures and plots are inside of it. It reads
    ``config.yaml``, ``summary.json``, ``metrics.csv``, ``evaluation.json`` and ``images/*.png``;
    what is missing or unreadable is left out or shown as absent, so an unfinished run has a page
    too.

    Raises:
        ConfigError: the folder does not exist or is no run folder.
    """
    folder = RunFolder(run)
    if not any(path.exists() for path in (folder.config, folder.summary, folder.metrics)):
        raise ConfigError(
            f"{run} is not a run folder: it has neither config.yaml nor summary.json nor "
            "metrics.csv. Give the folder that training printed, outputs/<name>/<time>."
        )
    write_text(folder.report, render_report(read_run(run)))
    return folder.report


def complete_report(run: Path) -> None:
    """Write the report of a run that was killed after its summary.json, and so is finished."""
    remove_unfinished(run)
    report, summary = RunFolder(run).report, RunFolder(run).summary
    late = not report.exists() or report.stat().st_mtime < summary.stat().st_mtime
    if late and read_run(run).node("report") is not False:
        write_report(run)


def render_report(run: RunContents) -> str:
    """Render the page as HTML."""
    from vael.report.charts import plot_evaluation, plot_history

    summary, evaluated = run.summary, tabulate_evaluation(run.evaluation)
    bounds = plot_evaluation(run.evaluation) if evaluated else []
    curves = plot_history(run.history)
    columns, lines = tabulate_metrics(run.metrics or run.latest, fit=str(summary.get("fit") or ""))
    samples = summary.get("samples")
    if not isinstance(samples, Mapping):
        asked = {"val": "samples", "test": "test_samples"}
        samples = {split: run.node(f"evaluation.{name}") for split, name in asked.items()}
    return open_template("report.html").render(
        **describe_run(run),
        facts=_facts(run),
        data=_words(summary.get("data")),
        data_notes=_lines(summary.get("data_notes")),
        warnings=_lines(summary.get("warnings")),
        latest=not run.metrics,
        columns=[
            (SPLIT_NAMES[c], f"k = {samples[c]}" if samples.get(c) else NOTES.get(c, ""))
            for c in columns
        ],
        lines=lines,
        evaluation=evaluated,
        evaluation_plots=bounds,
        pictures=run.pictures,
        curves=curves,
        plots=[*bounds, *curves],  # in the order of the page
        environment=list_circumstances(run),
    )


def open_template(name: str, *places: Path) -> Template:
    """Return a template that escapes what it is given; ``places`` come before this folder."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([*places, Path(__file__).parent / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def describe_run(run: RunContents) -> dict[str, str]:
    """Return what each page says of a run: its title, how it ended, its command and config."""
    model, data, summary = run.choice("model"), run.data_name, run.summary
    given = f", given {told}" if (told := summary.get("condition")) else ""
    status = str(summary.get("status") or "unfinished")
    return {
        "title": f"{model} on {data}{given}"
        if model and data
        else str(run.node("name") or "A run"),
        "status": status,
        "status_text": STATUS.get(status, ""),
        "reason": str(summary.get("reason") or ""),
        "command": str(summary.get("command") or run.node("command") or ""),
        "config": run.config_text,
    }


def _facts(run: RunContents) -> list[tuple[str, str]]:
    """Return what was trained, in the words of the config; what is not set is left out."""
    own = run.choice("latents/prior")  # codes have no other, and no family of q(z|x)
    facts = [
        ("data", run.choice("data")),
        ("model", run.choice("model")),
        ("latent dimensions", run.node("model.latent_dim")),
        ("latent shape", _shape(run.node("model.latent_shape"))),
        ("likelihood", run.choice("likelihood")),
        ("scale", run.node("likelihood.scale")),
        ("fit", run.summary.get("fit") or run.node("likelihood.fit")),
        ("latents", run.choice("latents")),
        ("prior", own or run.choice("prior")),
        ("posterior", "" if own else run.choice("posterior")),
        ("condition", run.summary.get("condition")),
        ("objective", _objective(run)),
        ("beta", run.node("objective.beta")),
    ]
    return [(name, str(value)) for name, value in facts if value not in (None, "")]


def _shape(node: object) -> str:
    """Return ``4 x 7 x 7``, nothing where there is no shape."""
    return " x ".join(map(str, node)) if isinstance(node, Sequence) else ""


def _objective(run: RunContents) -> str:
    """Return the objective with its settings, without beta, which has a place of its own."""
    node = run.node("objective")
    settings = node.items() if isinstance(node, Mapping) else ()
    shown = [
        f"{name} {value}"
        for name, value in settings
        if name not in ("_target_", "beta", "num_samples") and isinstance(value, int | float | str)
    ]
    return ", ".join([run.choice("objective"), *shown]) if run.choice("objective") else ""


def list_circumstances(run: RunContents) -> list[tuple[str, str]]:
    """Return seed, effort, devices and versions; what is not recorded is left out."""
    summary = run.summary

    def number(name: str, word: Callable[[float], str] = format_number) -> str:
        value = summary.get(name)
        return word(float(value)) if isinstance(value, int | float) else ""

    rows = [
        ("seed", str(summary.get("seed", run.node("seed")))),
        ("epochs", number("epochs")),
        ("optimiser steps", number("steps")),
        ("parameters", number("parameters")),
        ("training time", number("seconds", duration_text)),
        ("examples / second", number("examples_per_second")),
        ("devices", " ".join(_words(summary.get(key)) for key in ("devices", "accelerator"))),
        ("threads", number("threads")),
        ("data card", _words(summary.get("data_card"))),
        ("data digest", _words(summary.get("data_digest"))),
        ("best checkpoint", _words(summary.get("best_checkpoint"))),
        ("git commit", _words(summary.get("git_sha"))),
        ("versions", _words(summary.get("versions"))),
    ]
    return [(name, text) for name, text in rows if text.strip() not in ("", "None")]


def _lines(value: object) -> list[str]:
    """Return a list of texts, whatever the file holds."""
    return [str(text) for text in value] if isinstance(value, list) else []


def _words(value: object) -> str:
    """Return a list or a mapping in one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
