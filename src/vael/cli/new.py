"""``vael new``: a project with parts of one's own."""

import keyword
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from vael.errors import ConfigError
from vael.files import write_text

TEMPLATES = Path(__file__).with_name("project")
PLACEHOLDER, SUFFIX = "PACKAGE", ".template"


def new(
    project: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
) -> None:
    """Write a folder with a net and a likelihood of one's own, their YAMLs, a search and tests.

    Its last part names the package.
    """
    package = re.sub(r"\W+", "_", project.resolve().name, flags=re.ASCII).lower()
    taken = keyword.iskeyword(package) or package in {*sys.stdlib_module_names, "vael", "tests"}
    if not package.isidentifier() or taken:
        raise ConfigError(
            f"{project}: its name names the package, and {package!r} can be none: begin with a "
            "letter, and take no name of Python's own."
        )
    if project.exists() and (not project.is_dir() or any(project.iterdir())):
        raise ConfigError(f"{project} exists already: give another name.")
    for template in sorted(TEMPLATES.rglob(f"*{SUFFIX}")):
        local = template.relative_to(TEMPLATES).as_posix().removesuffix(SUFFIX)
        local = local.replace(PLACEHOLDER, package).replace("gitignore", ".gitignore")
        path = project / local
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, template.read_text().replace(PLACEHOLDER, package))
    print(f"{project}: README.md says what is there and how to train it")
