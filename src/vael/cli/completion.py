"""Completion in bash and zsh: runs, kinds, searches, settings."""

from contextlib import suppress
from pathlib import Path

import typer

from vael.runs.listing import LATEST, OUTPUTS, find_runs

ZSH = """#compdef %(prog_name)s

%(complete_func)s() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" \\
    %(autocomplete_var)s=complete_zsh %(prog_name)s)
}

compdef %(complete_func)s %(prog_name)s
[[ ${funcstack[1]} == _%(prog_name)s ]] && %(complete_func)s
"""
"""What zsh loads at the first TAB: typer's own then only says who completes from the second on."""

KINDS = (
    *("samples", "reconstructions", "traversal", "interpolation", "encodings", "classes"),
    "imputations",
)

with suppress(ImportError, AttributeError):  # where typer has it otherwise, its own is used
    from typer import _completion_shared

    _completion_shared._completion_scripts["zsh"] = ZSH


def complete_run(incomplete: str) -> list[str]:
    """Return the runs and the names that a word may become."""
    folder = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    below = folder if incomplete and folder.is_dir() else OUTPUTS
    found = [LATEST, *map(str, find_runs(below))]
    return [name for name in found if name.startswith(incomplete)]


def complete_kind(incomplete: str) -> list[str]:
    """Return the kinds of ``vael generate``."""
    return [kind for kind in KINDS if kind.startswith(incomplete)]


def complete_sweep(incomplete: str) -> list[str]:
    """Return the searches that vael brings along, those of ./sweeps, and YAML files."""
    from vael.sweep.spec.sweep_file import list_sweep_names

    files = [str(path) for path in Path(incomplete).parent.glob("*.yaml")]
    return [name for name in (*list_sweep_names(), *files) if name.startswith(incomplete)]


def complete_train(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the runs, groups and settings that a word may become.

    bash takes ``data=dig`` for three words, and replaces the last one; zsh for one.
    """
    from vael.config.completion import complete_setting

    before = list(ctx.params.get("words") or [])
    if before and not incomplete and "=" not in before[-1]:
        before = [*before, "="]  # which click leaves out where nothing follows it
    if len(before) > 1 and before[-1] == "=":
        whole = complete_setting(f"{before[-2]}={incomplete}")
        return [word.partition("=")[2] for word in whole]
    return [*complete_run(incomplete), *complete_setting(incomplete)]
