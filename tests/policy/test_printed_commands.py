"""A command that is printed can be typed: what it names may hold a blank."""

import ast
import re
from itertools import pairwise
from pathlib import Path

from helpers.runs import ROOT

from vael.text import word_command

VERBS = (
    "train|list|report|explore|generate|evaluate|compare|verify|export|compress|decompress"
    "|sweep( status)?"
)
BEFORE_A_NAME = re.compile(rf"\b(vael ({VERBS})|wandb sync)( [a-z_.]+=| )$")


def bare_names(tree):
    """The f-strings in which a value follows a command as it is."""
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for text, value in pairwise(parts):
            follows = isinstance(text, ast.Constant) and isinstance(value, ast.FormattedValue)
            if follows and BEFORE_A_NAME.search(text.value):
                yield ast.unparse(node)


def test_a_name_in_a_command_is_quoted_for_the_shell():
    for path in (ROOT / "src" / "vael").rglob("*.py"):
        found = list(bare_names(ast.parse(path.read_text())))
        assert not found, f"{path}: word it by vael.text.word_command"


def test_a_bare_name_is_found():
    for line in (
        "f'go on: vael train {run}'",
        "f'`wandb sync {a}`'",
        "f'vael train init_from={r}'",
    ):
        assert list(bare_names(ast.parse(line))), line
    assert not list(bare_names(ast.parse("f'vael trains {run}, see vael list: {a}'")))


def test_a_word_with_a_blank_is_quoted():
    assert word_command("vael", "train", Path("my runs/1")) == "vael train 'my runs/1'"
