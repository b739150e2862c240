"""A user's folder."""

import pytest
from extensions.files import FILES


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A user's folder: a package and YAMLs."""
    folder = tmp_path_factory.mktemp("user")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    return folder
