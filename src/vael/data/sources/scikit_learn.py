"""Files of data inside scikit-learn, found without importing it (which takes 1 s)."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from vael.errors import DataError


def hash_file(name: str, data: str, what: str) -> str:
    """Return the hash of the file ``name``, which holds ``what`` of the option ``data=``.

    Raises:
        DataError: scikit-learn is not installed, or lacks the file.
    """
    spec = find_spec("sklearn")
    folder = next(iter((spec and spec.submodule_search_locations) or []), "")
    path = Path(folder) / "datasets" / "data" / name
    if not path.is_file():
        raise DataError(
            f"data={data} needs the {what} of scikit-learn, not found as {path}; "
            "reinstall with: pip install --force-reinstall scikit-learn"
        )
    return hashlib.blake2b(path.read_bytes()).hexdigest()
