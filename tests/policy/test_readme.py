"""What the README tells people to type works."""

import re
import shlex
import subprocess

import pytest
from helpers.runs import ROOT, config_of

from vael.config.validate import check_config

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
LINES = [line.split(" #")[0].strip() for block in BLOCKS for line in block.splitlines()]
TRAIN = [
    line for line in LINES if line.startswith("python train.py") and "--config-dir" not in line
]  # best.yaml: tests/unit/sweep/study/test_results.py trains it
PAGES = sorted(
    ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
MAKE = [line for line in LINES if line.startswith("make")]


@pytest.mark.parametrize("line", TRAIN)
def test_every_command_line_composes_and_passes_the_checks(line):
    check_config(config_of(*shlex.split(line)[2:]))


def test_there_are_such_lines():
    assert len(TRAIN) >= 5
    assert MAKE == ["make train", "make test"]


@pytest.mark.parametrize("line", MAKE)
def test_every_make_command_is_a_target(line):
    done = subprocess.run(
        ["make", "-n", *line.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_and_file_that_it_links_is_there(page):
    text = (ROOT / page).read_text()
    for link in re.findall(r"\]\(((?!https?:)[^)]+)\)", text):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings], link


def test_every_option_is_listed():
    for group, options in re.findall(r"^\| `(\w+)` \| (.*) \|$", README, re.MULTILINE):
        if (ROOT / "conf" / group).is_dir():
            found = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
            missing = found - set(re.findall(r"`(\w+)`", options)) - {"squared_error", "default"}
            assert not missing, f"README does not list {group}={missing}"


def test_every_vael_verb_that_it_shows_exists():
    from typer.testing import CliRunner

    from vael.cli.main import app

    for verb in {line.split()[1] for line in LINES if line.startswith("vael ")}:
        assert CliRunner().invoke(app, [verb, "--help"]).exit_code == 0, verb
