"""Stage the pages of the site in build/docs: the README is its first page, pictures come along.

Pages link to each other and to files of the repository as GitHub shows them; a site has the
pages alone: of other files it gives the path.
"""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
STAGED = ROOT / "build" / "docs"
LINK = re.compile(r"(!?)\[([^\]]*)\]\(((?!https?:)[^)#]+)(#[^)]*)?\)")
MOVED = {
    "README.md": "index.md",
    "benchmarks/README.md": "measured.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}


def main() -> None:
    """Copy and rewrite."""
    shutil.rmtree(STAGED, ignore_errors=True)
    shutil.copytree(ROOT / "docs", STAGED, ignore=shutil.ignore_patterns("*.py", "*.ipynb"))
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, STAGED / name.lower())
    shutil.copy(ROOT / "benchmarks" / "README.md", STAGED / "measured.md")
    shutil.copytree(ROOT / "results", STAGED / "results", ignore=shutil.ignore_patterns("*.json"))
    pages = {page: page.read_text() for page in STAGED.glob("*.md")}
    pages[STAGED / "index.md"] = (ROOT / "README.md").read_text()
    for page, text in pages.items():
        page.write_text(LINK.sub(_rewrite, text))


def _rewrite(link: re.Match[str]) -> str:
    """Return a link as it is in the site."""
    mark, text, path, anchor = link[1], link[2], link[3].removeprefix("../"), link[4] or ""
    path = MOVED.get(path, path.removeprefix("docs/"))
    if (STAGED / path).is_file() or path == "index.md":
        return f"{mark}[{text}]({path}{anchor})"
    return text if text == path else f"{text} (`{path}`)"


if __name__ == "__main__":
    main()
