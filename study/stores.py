"""Database files: where they lie, and how several processes open a fresh one without harm."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from study.errors import InputError

ROOT = Path("mlruns")
TRACKING_URI = f"sqlite:///{ROOT}/mlflow.db"
STORAGE_URL = f"sqlite:///{ROOT}/optuna.db"


def sqlite_file(url: str) -> Path | None:
    """The file behind an `sqlite:///` URL; None for any other store."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


@contextmanager
def opening(url: str) -> Iterator[None]:
    """While it lasts, this process alone may create the database at `url`, whose folder exists.

    Processes that migrate a fresh SQLite file at once crash. The write-ahead log halves what four writers wait for
    each other; the setting stays in the file. A server's database looks after itself.
    """
    file = sqlite_file(url)
    if file is None:
        yield
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock"):
            with closing(sqlite3.connect(file, timeout=60)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            yield
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"database {str(file)!r} cannot be opened: {error}") from None
