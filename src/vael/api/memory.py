"""Training on numbers that are in memory: ``vael.fit``."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vael.api.run import RunResult, train
from vael.errors import DataError
from vael.files import write_bytes
from vael.runs.listing import OUTPUTS


def fit(
    x: npt.ArrayLike,
    y: npt.ArrayLike | None = None,
    *,
    name: str = "array",
    allow: tuple[str, ...] = (),
    **settings: Any,
) -> RunResult:
    """Train on an array, and return the run.

    The array is kept as ``outputs/data/NAME-DIGEST.npz``, so that the run can be continued and
    evaluated later. Validation and test examples are taken out of it.

    Args:
        x: images ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)``, whole numbers 0 .. 255 or
            floats in [0, 1]; or a table ``(N, D)`` of any numbers. An array or a DataFrame.
        y: labels, ``(N,)``; for pictures and probes, not for training.
        name: of the run and of the file.
        allow: packages of your own that the model is made of.
        settings: of the config; a table is trained with ``model="mlp_vae"`` unless they say more.

    Raises:
        VaelError: the array or a setting cannot work; one line.

    Examples:
        >>> run = vael.fit(np.random.rand(500, 20))    # doctest: +SKIP
        >>> mu, sigma = run.model.encode(x)            # doctest: +SKIP
    """
    arrays = {"x": np.asarray(x)} | ({} if y is None else {"y": np.asarray(y)})
    if y is not None and len(arrays["y"]) != len(arrays["x"]):
        raise DataError(
            f"y must have one label for each of {len(arrays['x'])} examples, but has "
            f"{len(arrays['y'])}."
        )
    given = {"data": "array", "data.path": str(keep_arrays(name, arrays)), "name": name}
    if arrays["x"].ndim == 2:
        given["model"] = "mlp_vae"
    return train(allow=allow, **{**given, **settings})


def keep_arrays(name: str, arrays: dict[str, npt.NDArray[Any]]) -> Path:
    """Write arrays to ``outputs/data``, once for each content, and return the file."""
    state = hashlib.blake2b(digest_size=6)
    for key, array in arrays.items():
        if array.dtype == object:
            raise DataError(f"{key} must be an array of numbers, but has Python objects in it.")
        state.update(f"{key} {array.dtype} {array.shape}".encode())
        state.update(np.ascontiguousarray(array).tobytes())
    path = (OUTPUTS / "data" / f"{name}-{state.hexdigest()}.npz").absolute()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
    return path
