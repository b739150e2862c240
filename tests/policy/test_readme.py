"""What the README and the pages of docs/ tell people to type works."""

import re
import shlex
import subprocess

import pytest
import typer
from helpers.runs import ROOT, config_of

from vael.cli.main import app
from vael.config.validate import check_config

README = (ROOT / "README.md").read_text()
PAGES = sorted(
    ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
OWN = "docs/extending.md"  # its commands need the files on the page: tests/extensions
TEXTS = {page: (ROOT / page).read_text() for page in PAGES if page != OWN}
BLOCKS = [b for text in TEXTS.values() for b in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)]
LINES = [line.split(" #")[0].strip() for block in BLOCKS for line in block.splitlines()]
LINES += [line for text in TEXTS.values() for line in re.findall(r"`(vael [^`\n]*)`", text)]
TRAIN = sorted(
    {
        line
        for line in LINES
        if re.match(r"vael train [\w/']+[.\w]*=", line)
        and not re.search(r"RUN|latest|\.\.\.", line)
    }
)
OTHER = sorted(
    {line for line in LINES if re.match(r"vael (?!train|sweep)[a-z]+ (?!\.\.\.)", line)}
    | {line for line in LINES if re.match(r"vael sweep (?!status$)\w+", line)}
)
MAKE = [line for line in README.splitlines() if re.match(r"make \w+ ", line)]
MAKE = [line.split("#")[0].strip() for line in MAKE]


@pytest.mark.parametrize("line", TRAIN)
def test_every_command_line_composes_and_passes_the_checks(line):
    check_config(config_of(*shlex.split(line)[2:]))


@pytest.mark.parametrize("line", OTHER)
def test_every_other_command_line_is_read_by_its_command(line, tmp_path, monkeypatch):
    """Its options and arguments are parsed, and nothing is run."""
    for run in ("b", "c"):
        (tmp_path / "outputs" / "a" / run).mkdir(parents=True)
        (tmp_path / "outputs" / "a" / run / "config.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    verb, *words = ["outputs/a/b" if word == "RUN" else word for word in shlex.split(line)[1:]]
    command = typer.main.get_command(app).commands[verb]
    if verb == "sweep":
        words = words if words[0] == "status" else ["run", *words]
        command = command.commands[words.pop(0)]
    with command.make_context(verb, words) as context:
        assert context.params


def test_every_command_is_on_the_page_of_commands():
    page = TEXTS["docs/commands.md"]
    shown = {
        name for name, verb in typer.main.get_command(app).commands.items() if not verb.hidden
    }
    assert {
        verb for verb in shown if f"| `vael {verb} " not in page and f"| `vael {verb}`" not in page
    } == set()


def test_there_are_such_lines():
    assert len(TRAIN) >= 15
    assert len(OTHER) >= 10
    assert MAKE == ["make train", "make test"]


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 130


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
            words = [re.sub(r"[^\w -]", "", heading.lower()) for heading in headings]
            assert anchor in [text.replace(" ", "-") for text in words], link


def test_every_option_is_listed():
    known = {path.stem for path in (ROOT / "conf").rglob("*.yaml")}
    listed = set(re.findall(r"`(\w+)`", TEXTS["docs/models.md"] + TEXTS["docs/data.md"]))
    assert known - listed - {"train", "squared_error", "default"} == set()


def test_every_vael_verb_that_it_shows_exists():
    from typer.testing import CliRunner

    for verb in {line.split()[1] for line in LINES if re.match(r"vael [a-z]", line)}:
        assert CliRunner().invoke(app, [verb, "--help"]).exit_code == 0, verb
