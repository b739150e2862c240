"""The file test_scores.npz: the scores of each test example, in the order of the split."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from vael.errors import VaelError
from vael.files import write_bytes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Scores = dict[str, npt.NDArray[np.float32]]

FILE = "test_scores.npz"


def write_example_scores(folder: Path, scores: "Mapping[str, npt.ArrayLike]") -> None:
    """Write ``(N,)`` scores by name, rounded to float32 (about 1e-7 of a value)."""
    import numpy as np

    rounded = {name: np.asarray(column, np.float32) for name, column in scores.items()}
    write_bytes(folder / FILE, lambda file: np.savez_compressed(file, **rounded))  # type: ignore[arg-type]


def read_example_scores(folder: Path) -> "Scores":
    """Read the scores of a run's test examples; empty where there are none.

    Raises:
        VaelError: the file is not what vael writes.
    """
    import numpy as np

    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as read:
            return {name: read[name] for name in read.files}
    except (OSError, ValueError, BadZipFile, EOFError) as error:
        reason = " ".join(str(error).split())[:100]
        raise VaelError(f"{path} is damaged ({reason}): train the run again.") from error
