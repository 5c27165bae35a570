"""Where the tracking store lies, whether it answers, and how a fresh or a moved one is opened."""

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from filelock import FileLock
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from hyperstudy.study.core.errors import InputError, StoreError, unusable

FAILING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
ROOT = Path("mlruns")
TRACKING_FILE = f"sqlite:///{ROOT}/mlflow.db"
TRACKING_URI = os.environ.get("MLFLOW_TRACKING_URI") or TRACKING_FILE
TRACKING_OPTION: dict[
    str, Any
] = {  # for parsers; a password belongs in the environment, since other users can read a command line
    "default": TRACKING_URI,
    "metavar": "URL",
    "help": f"MLflow's store (default: $MLFLOW_TRACKING_URI, or {TRACKING_FILE})",
}
UI_ADDRESS = "http://127.0.0.1:5000"  # where `python -m study.ui` serves unless told otherwise
ANSWER_SECONDS = 10
BUSY_SECONDS = 60
LOCATIONS = (  # MLflow's columns that hold absolute paths of artifacts
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def is_server(url: str) -> bool:
    """Whether the URL is that of an MLflow server."""
    return url.startswith(("http://", "https://"))


def sqlite_file(url: str) -> Path | None:
    """The file behind an `sqlite:///` URL; None for any other store, and where `is_fileless`."""
    database = _sqlite_database(url)
    return Path(database) if database and not is_fileless(url) else None


def is_fileless(url: str) -> bool:
    """Whether an SQLite URL names no plain file: the database is in memory and goes with the process, or lies where
    SQLite's own `file:` URLs say."""
    return (database := _sqlite_database(url)) is not None and (
        database in ("", ":memory:") or database.startswith("file:")
    )


def _sqlite_database(url: str) -> str | None:
    """What an SQLite URL names; None for any other store."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    return (parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def artifact_root(url: str) -> Path | None:
    """The folder of a database file's artifacts, which lies beside it; None for any other store."""
    file = sqlite_file(url)
    return _artifacts(file) if file else None


def check(url: str) -> None:
    """Raise `InputError` unless a store answers at the URL or can be made there, `StoreError` if a disk fails; writes
    nothing.

    A server is tried once here, since MLflow tries again for minutes.
    """
    file = sqlite_file(url)
    try:
        if file is not None:
            _check_file(file)
        elif is_fileless(url):
            raise OSError(f"SQLite needs a file to keep it, as in {TRACKING_FILE}")
        elif is_server(url):
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname or "", port), ANSWER_SECONDS).close()
        else:
            create_engine(url, poolclass=NullPool).connect().close()
    except (OSError, ValueError, sqlite3.Error, SQLAlchemyError, ImportError) as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF  # without the details of its kind
        kind = StoreError if code in FAILING else InputError
        raise kind(f"store {url!r} cannot be opened: {str(error).splitlines()[0]}") from None


def existing(url: str) -> None:
    """Raise `InputError` unless a store is there already."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        raise InputError(f"there is no study yet in {str(file)!r}: run python -m study.run")
    check(url)


def lock_file(url: str, name: str) -> Path | None:
    """The file whose lock stands for `name` in a database file's store; None for any other store."""
    file = sqlite_file(url)
    return _lock_beside(file, name) if file else None


@contextmanager
def opening(url: str) -> Iterator[Path | None]:
    """Let this process alone create the database at `url` or change its layout; raises `InputError` as `check` does.
    Yields the SQLite file if it has no table yet.

    Processes that create the tables of a fresh SQLite file at once crash. With a write-ahead log, readers such as the
    UI never make a study wait; the setting stays in the file.
    """
    check(url)
    file = sqlite_file(url)
    if file is None:
        yield None
        return
    with FileLock(_lock_beside(file, "opening")):
        with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            _adopt_artifacts(connection, _artifacts(file))
            empty = not _tables(connection)
        yield file if empty else None


def fill(file: Path, other: Path) -> None:
    """Copy all of another SQLite store into an empty one, in one transaction."""
    with closing(sqlite3.connect(other)) as source, closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as target:
        source.backup(target)


def flush(url: str) -> None:
    """Write SQLite's log back into the database file, so that a copy of the file is a copy of the store.

    Where that fails, as on a full disk, the log stays beside the file, and the store is whole with it.
    """
    if (file := sqlite_file(url)) and file.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _artifacts(file: Path) -> Path:
    return file.parent.resolve() / "artifacts"


def _lock_beside(file: Path, name: str) -> Path:
    folder = file.parent / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(f"store 'sqlite:///{file}' cannot be made", error) from None
    return folder / f"{quote(name, safe='')}.lock"  # a store may hold experiments of any name


def _check_file(file: Path) -> None:
    """Open an existing file with SQLite itself: opening and closing it otherwise would release SQLite's locks on it."""
    place = str(file.absolute())
    if (read := unquote(place)) != place:
        raise OSError(f"MLflow would read its place as {read!r}: no folder's name may hold a % before two digits")
    there = next(path for path in (file.absolute(), *file.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK) or not (there.is_dir() or file.is_file()):
        raise OSError(f"{str(there)!r} cannot be written")
    if file.exists():
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True)) as connection:
            tables = _tables(connection)
        if tables and "experiments" not in tables:
            raise OSError("it holds data of another program")


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _adopt_artifacts(connection: sqlite3.Connection, root: Path) -> None:
    """Let a store that was moved or copied find its artifacts: MLflow keeps absolute paths and has no call to change
    them (mlflow#3144)."""
    tables = _tables(connection)
    if "experiments" not in tables or not root.is_dir():
        return
    for name, location in connection.execute("SELECT name, artifact_location FROM experiments").fetchall():
        here = root / name
        if location and location != here.as_uri() and location.endswith(f"/artifacts/{quote(name)}") and here.is_dir():
            for table, column in LOCATIONS:
                if table in tables:
                    prefix = f"substr({column}, 1, {len(location)}) = ?"
                    change = f"UPDATE {table} SET {column} = ? || substr({column}, {len(location) + 1}) WHERE {prefix}"
                    connection.execute(change, (here.as_uri(), location))
    connection.commit()
