"""Completion in zsh as a user has it: installed, in a new shell, at the first TAB."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

import pytest
from helpers.runs import ROOT

BELL = "\x07"  # nothing to complete
SECONDS = 60  # for a shell to start, and for vael to answer


@pytest.fixture
def home(tmp_path):
    """A home with a ``vael`` on its path, whose completion was installed by its own option."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    (tmp_path / "bin").mkdir()
    vael = tmp_path / "bin" / "vael"
    vael.write_text(f"#!{sys.executable}\nfrom vael.cli.__main__ import main\nmain()\n")
    vael.chmod(0o755)
    env = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{vael.parent}:{os.environ['PATH']}",
        "TERM": "dumb",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    env.pop("ZDOTDIR", None)
    done = subprocess.run(
        [vael, "--install-completion", "zsh"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "commands.md").read_text()
    (line,) = re.findall(r"^    (fpath.*)$", page, re.MULTILINE)
    assert line in (tmp_path / ".zshrc").read_text().splitlines()
    with (tmp_path / ".zshrc").open("a") as rc:
        rc.write("PS1='ready> '\n")
    return tmp_path, env


def screen_after(keys, home, expected):
    """What a new shell shows after these keys, once it completes, rings its bell or time is up."""
    folder, env = home
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover
        os.chdir(folder)
        os.execvpe("zsh", ["zsh", "-i", "--no-globalrcs"], env)
    shown, sent, until = "", False, time.monotonic() + SECONDS
    try:
        while time.monotonic() < until and not (expected in shown or BELL in shown):
            if select.select([terminal], [], [], 0.2)[0]:
                shown += os.read(terminal, 4096).decode(errors="replace")
            if not sent and "ready> " in shown:
                os.write(terminal, keys.encode())
                sent = True
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)
    return shown


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("vael gene\t", "vael generate "), ("vael train data=dig\t", "vael train data=digits ")],
)
def test_the_first_tab_of_a_new_shell_completes(home, keys, expected):
    shown = screen_after(keys, home, expected)
    assert expected in shown, shown


def test_the_script_completes_where_it_is_evaluated_by_hand(home):
    folder, _ = home
    (folder / ".zshrc").write_text(
        "autoload -Uz compinit; compinit\neval \"$(vael --show-completion zsh)\"\nPS1='ready> '\n"
    )
    assert "vael generate " in screen_after("vael gene\t", home, "vael generate ")
