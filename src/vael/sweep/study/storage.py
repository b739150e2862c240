"""Storage of a study: a journal file, SQLite or a server; it may go away."""

import logging
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vael.errors import DISK_FULL, ConfigError, VaelError
from vael.files import cut_half_line, locked
from vael.sweep.study.sqlite_file import check_file, locate_file

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

T = TypeVar("T")
log = logging.getLogger("vael")
ENVIRONMENT = "VAEL_STORAGE"
JOURNAL = "journal"
CONNECT_SECONDS = 10
DEAD_SECONDS = 60  # of a network that answers nothing: then the connection counts as broken
POSTGRES = {  # of libpq; without them a query whose server has lost its power waits for hours
    "connect_timeout": CONNECT_SECONDS,
    "tcp_user_timeout": 1000 * DEAD_SECONDS,
    "keepalives_idle": DEAD_SECONDS // 2,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
DENIED = ("authentication failed", "no password supplied", "does not exist", "pg_hba.conf")


class StorageAway(VaelError):
    """The storage did not answer for too long."""


def locate_storage(given: str | None, folder: Path) -> str:
    """Return the whole URL: the given one, else that of ``VAEL_STORAGE``, else a journal file.

    ``sqlite:///`` alone is a file in the sweep's folder.

    Raises:
        ConfigError: it is no URL.
    """
    url = given or os.environ.get(ENVIRONMENT) or JOURNAL
    if url == JOURNAL:
        return url
    if url in ("sqlite", "sqlite://", "sqlite:///"):
        return f"sqlite:///{folder.resolve() / 'study.db'}"
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(  # not the URL itself: it may hold a password
            "storage is no URL: give journal, sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST:PORT/DATABASE."
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername.startswith("sqlite"):
        parsed = parsed.set(database=str(locate_file(parsed.database)))
    return parsed.render_as_string(hide_password=False)


def redact_url(url: str) -> str:
    """Remove the password, wherever in the URL it stands."""
    if url == JOURNAL:
        return url
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    if "password" in parsed.query:
        parsed = parsed.difference_update_query(["password"])
    return parsed.set(password=None).render_as_string()


def is_own_file(url: str, folder: Path) -> bool:
    """Tell whether the storage is a file in the sweep's folder, which nobody else uses."""
    return url in (JOURNAL, f"sqlite:///{folder.resolve() / 'study.db'}")


def connect_storage(url: str, folder: Path, light: bool = False) -> "BaseStorage":
    """Connect to the storage behind a URL.

    Args:
        url: of the storage.
        folder: the sweep's.
        light: see ``Database``; a journal is read lightly anyhow: what has been added to it.

    Raises:
        ConfigError: it cannot be reached, refuses us, or needs a package that is not here.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url == JOURNAL:
        return _journal(folder / "study.journal")
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

    kwargs: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith("sqlite"):
        check_file(Path(str(make_url(url).database)))
        kwargs["connect_args"] = {"timeout": 60}
    elif url.startswith("postgresql"):
        kwargs["connect_args"] = POSTGRES
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            from vael.sweep.study.database import open_database

            return open_database(url, kwargs, light)
    except ImportError as error:
        remedy = (
            "pip install 'psycopg[binary]'"
            if url.startswith("postgresql")
            else "install it, or use journal, SQLite or PostgreSQL, which are tested"
        )
        raise ConfigError(
            f"storage {redact_url(url)} needs a package that is not installed ({error}): {remedy}."
        ) from error
    except NoSuchModuleError as error:
        raise ConfigError(
            f"storage {redact_url(url)} is of a kind that is not known: give journal, "
            "sqlite:///FILE or postgresql+psycopg://USER@HOST:PORT/DATABASE."
        ) from error
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        raise ConfigError(
            f"storage {redact_url(url)} cannot be used: {error_text(error, url)}"
        ) from error


def error_text(error: BaseException, url: str) -> str:
    """Return what the server said, in one line and without the password."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()) or type(error).__name__
    if url != JOURNAL:
        from sqlalchemy.engine import make_url

        parsed = make_url(url)
        for secret in (url, str(parsed.password or ""), str(parsed.query.get("password", ""))):
            if secret and len(secret) > 2:
                text = text.replace(secret, "***")
    return text[:300]


def retry_while_unavailable(
    operation: Callable[[], T],
    seconds: float,
    url: str,
    stop_retrying: Callable[[], bool] = lambda: False,
) -> T:
    """Try again, more and more slowly, while the storage is away.

    The operation must be such that doing it twice is like doing it once: the answer of a server
    may get lost after it has done what it was asked for.

    Raises:
        StorageAway: it stayed away for longer than this, or there is no time to wait.
    """
    end, pause, told = time.monotonic() + seconds, 0.25, False
    while True:
        try:
            result = operation()
        except Exception as error:
            if not _away(error):
                raise
            shown, text = redact_url(url), error_text(error, url)
            if stop_retrying():
                raise StorageAway(f"the storage {shown} is away: {text}") from error
            if time.monotonic() + pause > end:
                raise StorageAway(
                    f"the storage {shown} did not come back within {seconds:.0f} s: {text}"
                ) from error
            if not told:
                warning = "the storage %s is away (%s); trying again for %.0f s"
                log.warning(warning, shown, text, seconds)
                told = True
            _rest(pause, stop_retrying)
            pause = min(pause * 1.5, 5.0)
        else:
            if told:
                log.warning("the storage %s is back", redact_url(url))
            return result


def _rest(seconds: float, stop_retrying: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not stop_retrying() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))


def _away(error: BaseException) -> bool:
    """Tell whether it may work later by itself: a connection, a shared folder; no full disk."""
    from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    # the last one is what SQLAlchemy says where a connection broke between two queries of one
    away = OperationalError | InterfaceError | PoolTimeout | OSError | PendingRollbackError

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in DISK_FULL:
            return False
        if isinstance(seen, OperationalError) and any(text in str(seen) for text in DENIED):
            return False  # psycopg raises the same for a server that is there and refuses us
        if isinstance(seen, away):
            return True
        seen = seen.__cause__
    return False


def _journal(path: Path) -> "BaseStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.storages.journal._file import BaseJournalFileLock

    class Flock(BaseJournalFileLock):
        """A lock that dies with its holder, and mends a line that a dying writer left half."""

        def __init__(self) -> None:
            self._held: Any = None

        def acquire(self) -> bool:
            """Wait for the lock."""
            held = locked(path.with_suffix(".lock"))
            held.__enter__()
            self._held = held
            cut_half_line(path)
            return True

        def release(self) -> None:
            """Release the lock."""
            self._held.__exit__(None, None, None)

    return JournalStorage(JournalFileBackend(str(path), Flock()))
