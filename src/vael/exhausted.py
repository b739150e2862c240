"""Floor 0: memory or a disk that ran out, told from the many errors that it shows as."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from vael.errors import DataError, DiskError, OutOfMemory, VaelError

E = TypeVar("E", bound=BaseException)

FULL = (errno.ENOSPC, errno.EDQUOT)
DISK = {*FULL, errno.EROFS, errno.EIO}
SIGNS = (
    "can't allocate memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "std::bad_alloc",
    "Cannot allocate memory",
)


@contextmanager
def named() -> Iterator[None]:
    """Gives what ran out its name.

    Raises:
        OutOfMemory: an allocation failed, in torch (CPU or CUDA), numpy or Python.
        DiskError: a disk is full, read-only or broken.
    """
    try:
        yield
    except (OutOfMemory, DiskError):
        raise
    except Exception as error:
        for cause in _causes(error):
            if _is_memory(cause) and isinstance(error, DataError):  # it says what is too large
                raise OutOfMemory(str(error)) from error
            if _is_memory(cause):
                raise OutOfMemory(
                    f"out of memory: {_amount(str(cause))}. Lower data.batch_size, "
                    "objective.num_samples or the width of the nets."
                ) from error
            if isinstance(cause, OSError) and cause.errno in DISK:
                raise DiskError(_where(error, cause)) from error
        raise


def behind(error: BaseException, kind: type[E]) -> E | None:
    """The first of a kind among an error and what it comes from."""
    return next((cause for cause in _causes(error) if isinstance(cause, kind)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it comes from, each once: an error raised anew can be its own cause."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError | OSError) and any(s in str(error) for s in SIGNS)


def _where(error: Exception, cause: OSError) -> str:
    """A clear error names the file already, which the disk's own seldom does."""
    if isinstance(error, VaelError):
        return str(error)
    file = f" {cause.filename}" if cause.filename else ""
    return f"cannot write{file}: {cause.strerror or cause}. Free some space, then continue."


def _amount(text: str) -> str:
    """How much was asked for, where the message says so."""
    found = re.search(r"[Tt]ried to allocate ([\d.]+ [KMGT]i?B)", text)
    if found:
        return f"{found[1]} could not be allocated on the GPU"
    found = re.search(r"allocate (\d+) bytes", text)
    if found:
        return f"{int(found[1]) / 2**30:.3g} GiB could not be allocated"
    return " ".join(text.split()) or "an allocation failed"
