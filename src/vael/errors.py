"""Floor 0: the errors that a user can cause, each with the exit code that it ends with."""

LONGEST = 2000  # characters of a message: a value in it may be of any length


def one_line(error: object) -> str:
    """A message for a terminal: one line, not endless, without control characters."""
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
