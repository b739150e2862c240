"""Errors that a user can cause, each with its exit code; full memory and disks become such."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

E = TypeVar("E", bound=BaseException)

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
DISK_ERRORS = {*DISK_FULL, errno.EROFS, errno.EIO}
OUT_OF_MEMORY_TEXTS = (
    "can't allocate memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "std::bad_alloc",
    "Cannot allocate memory",
)
LONGEST = 2000  # characters of a message: a value in it may be of any length


def one_line(error: object) -> str:
    """Shorten a message to one line for a terminal, without control characters."""
    text = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in " ".join(str(error).split())
    )
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    return text


class VaelError(Exception):
    """Base of all errors that end in one clear line instead of a traceback."""

    exit_code = 2


class ConfigError(VaelError, ValueError):
    """A setting, a path or a combination of settings that cannot work."""


class DataError(VaelError, ValueError):
    """Data that cannot be read or does not fit what was asked for."""


class CheckpointError(VaelError):
    """A checkpoint that is truncated, foreign, carries pickled objects or does not fit."""


class OutOfMemory(VaelError):
    """An allocation failed, on the CPU or on a GPU."""

    exit_code = 4


class DiskError(VaelError):
    """Nothing more can be written: not the run's fault, which can go on later."""

    exit_code = 5


class NonFiniteLoss(VaelError):
    """The loss became NaN or infinite; says at which step and in which term."""

    exit_code = 3


@contextmanager
def translate_resource_errors() -> Iterator[None]:
    """Convert out-of-memory and disk errors to OutOfMemory and DiskError.

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
            if isinstance(cause, OSError) and cause.errno in DISK_ERRORS:
                raise DiskError(_where(error, cause)) from error
        raise


def find_cause(error: BaseException, kind: type[E]) -> E | None:
    """Return the first of a kind among an error and its causes, or None."""
    return next((cause for cause in _causes(error) if isinstance(cause, kind)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and its causes, each once: an error raised anew can be its own cause."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError | OSError) and any(
        s in str(error) for s in OUT_OF_MEMORY_TEXTS
    )


def _where(error: Exception, cause: OSError) -> str:
    """Name the file: a VaelError does so already, the disk's own error seldom does."""
    if isinstance(error, VaelError):
        return str(error)
    file = f" {cause.filename}" if cause.filename else ""
    return f"cannot write{file}: {cause.strerror or cause}. Free some space, then continue."


def _amount(text: str) -> str:
    """Say how much was asked for, where the message tells."""
    found = re.search(r"[Tt]ried to allocate ([\d.]+ [KMGT]i?B)", text)
    if found:
        return f"{found[1]} could not be allocated on the GPU"
    found = re.search(r"allocate (\d+) bytes", text)
    if found:
        return f"{int(found[1]) / 2**30:.3g} GiB could not be allocated"
    return " ".join(text.split()) or "an allocation failed"
