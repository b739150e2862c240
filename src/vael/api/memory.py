"""Training on numbers that are in memory: ``vael.fit``."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from vael.api.run import RunResult, check_settings, start_run
from vael.errors import DataError, VaelError, one_line
from vael.files import expand_home, write_bytes
from vael.runs.creation import make_run_folder, remove_empty
from vael.runs.listing import OUTPUTS

Arrays = dict[str, npt.NDArray[Any]]
LABELS = "label"  # the column of a DataFrame's labels


def fit(
    x: Any, y: Any = None, *, name: str = "array", allow: tuple[str, ...] = (), **settings: Any
) -> RunResult:
    """Train on an array, and return the run.

    The array is kept as ``outputs/data/NAME-DIGEST.npz``, a DataFrame with its columns as
    ``.parquet``, so that the run can be continued and evaluated later. Validation and test
    examples are taken out of it.

    Args:
        x: images ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)``, whole numbers 0 .. 255 or
            floats in [0, 1] (any numbers with ``data.support=real``); or a table ``(N, D)`` of
            any numbers. An array, a tensor, lists, or a DataFrame, whose texts are categories
            (``data.categorical``).
        y: labels, ``(N,)``, numbers or texts; for pictures and probes, not for training.
        name: of the run and of the file.
        allow: packages of your own that the model is made of.
        settings: of the config; a table is trained with ``model="mlp_vae"`` unless they say more.

    Raises:
        VaelError: the array or a setting cannot work; one line, and nothing is left behind.

    Examples:
        >>> run = vael.fit(np.random.rand(500, 20))    # doctest: +SKIP
        >>> mu, sigma = run.model.encode(x)            # doctest: +SKIP
    """
    table = _write_table(x, y) if hasattr(x, "to_parquet") else None
    arrays = _take_arrays(x, y) if table is None else {"table": np.frombuffer(table, np.uint8)}
    ending = ".npz" if table is None else ".parquet"
    place = expand_home(str(settings.get("output_dir", OUTPUTS))) / "data"
    path = (place / f"{name}-{_digest(arrays)}{ending}").absolute()
    given = {"data": "array", "data.path": path, "name": name}
    given |= {"model": "mlp_vae"} if table is not None or arrays["x"].ndim == 2 else {}
    given |= {"data.label_key": LABELS} if table is not None and y is not None else {}
    folder = make_run_folder(check_settings({**given, **settings}))
    kept = path.exists()
    try:
        if not kept:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(
                path, lambda file: file.write(table) if table else np.savez(file, **arrays)
            )
        return start_run(folder, allow)
    except VaelError:
        if not kept and not folder.exists():
            path.unlink(missing_ok=True)
            remove_empty(place / path.name)
        raise


def _take_arrays(x: Any, y: Any) -> Arrays:
    examples = _to_array("x", x)
    return {"x": examples} | ({} if y is None else {"y": _take_labels(y, len(examples))})


def _take_labels(y: Any, count: int) -> npt.NDArray[Any]:
    labels = _to_array("y", y)
    if labels.shape[0] != count:
        raise DataError(
            f"y must have one label for each of {count} examples, but has {len(labels)}."
        )
    return labels


def _write_table(frame: Any, y: Any) -> bytes:
    """Write a DataFrame with its labels as parquet.

    Raises:
        DataError: columns that parquet does not take, or one that has the name of the labels.
    """
    if y is not None and LABELS in map(str, frame.columns):
        raise DataError(
            f"x must have no column {LABELS} where y is given, which is kept under that name: "
            "rename it, or leave it out of x."
        )
    labels = {} if y is None else {LABELS: _take_labels(y, len(frame))}
    try:
        content = frame.assign(**labels).rename(columns=str).to_parquet(index=False)
    except (TypeError, ValueError) as error:  # pyarrow's are such
        raise DataError(
            f"x must have columns of numbers or texts, but {one_line(error)}"
        ) from error
    return bytes(content)


def _digest(arrays: Arrays) -> str:
    state = hashlib.blake2b(digest_size=6)
    for key, array in arrays.items():
        state.update(f"{key} {array.dtype} {array.shape}".encode())
        state.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def _to_array(name: str, value: Any) -> npt.NDArray[Any]:
    """Convert arrays, tensors and nested lists.

    Raises:
        DataError: it is none of them, or a part is masked: NumPy would forget that.
    """
    masked = int(np.ma.getmaskarray(value).sum()) if isinstance(value, np.ma.MaskedArray) else 0
    if masked:
        raise DataError(
            f"{name} must not be masked, but {masked:,} of {value.size:,} values are: fill them, "
            f"for a table with {name}.filled(numpy.nan) and data.missing=mean."
        )
    detached = value.detach().cpu() if hasattr(value, "detach") else value
    try:
        array = np.asarray(detached)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{name} must be an array of numbers, but {one_line(error).rstrip('.')}."
        ) from error
    if array.dtype == object and all(isinstance(each, str) for each in array.flat):
        array = array.astype(str)
    if array.ndim == 0 or array.dtype == object:
        kind = "Python objects in it" if array.ndim else type(value).__name__
        files = "" if array.ndim else '; a file: vael.train(data="array", **{"data.path": FILE})'
        raise DataError(f"{name} must be an array of numbers, but got {kind}{files}.")
    return array
