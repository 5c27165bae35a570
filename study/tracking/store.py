"""Where the stores lie, whether they answer, and how several processes open a fresh database file without harm."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from study.core.errors import InputError

ROOT = Path("mlruns")
TRACKING_FILE, STORAGE_FILE = (f"sqlite:///{ROOT}/{name}.db" for name in ("mlflow", "optuna"))
TRACKING_URI = os.environ.get("MLFLOW_TRACKING_URI") or TRACKING_FILE
STORAGE_URL = os.environ.get("STUDY_STORAGE") or STORAGE_FILE
TRACKING_OPTION = {  # as parsers have it; a password is for the environment, not for a command that others may read
    "default": TRACKING_URI,
    "metavar": "URL",
    "help": f"MLflow's store (default: $MLFLOW_TRACKING_URI, or {TRACKING_FILE})",
}
STORAGE_OPTION = {
    "default": STORAGE_URL,
    "metavar": "URL",
    "help": f"Optuna's store (default: $STUDY_STORAGE, or {STORAGE_FILE})",
}
UI_ADDRESS = "http://127.0.0.1:5000"  # where `python -m study.ui` serves unless told otherwise
ANSWER_SECONDS = 10


def is_server(url: str) -> bool:
    """Whether the URL is that of an MLflow server."""
    return url.startswith(("http://", "https://"))


def sqlite_file(url: str) -> Path | None:
    """The file behind an `sqlite:///` URL; None for any other store."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def check(url: str) -> None:
    """Raise `InputError` unless a store answers at the URL or can be made there; writes nothing.

    A server is asked once here, since MLflow asks again for minutes.
    """
    file = sqlite_file(url)
    try:
        if file is not None:
            _check_file(file)
        elif is_server(url):
            import requests  # as MLflow has it: it takes a password from the URL, and 0.2 s to import

            requests.get(f"{url}/health", timeout=ANSWER_SECONDS).raise_for_status()
        else:
            create_engine(url).connect().close()
    except (OSError, ValueError, sqlite3.Error, SQLAlchemyError, ImportError) as error:
        raise InputError(f"store {url!r} cannot be opened: {str(error).splitlines()[0]}") from None


def existing(url: str) -> None:
    """Raise `InputError` unless a store is there already."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        raise InputError(f"there is no study yet in {str(file)!r}: run python -m study.run")
    check(url)


def _check_file(file: Path) -> None:
    """Look through SQLite alone: closing a file of one's own drops the locks that its connections have on it."""
    there = next(path for path in (file.absolute(), *file.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK) or not (there.is_dir() or file.is_file()):
        raise OSError(f"{str(there)!r} cannot be written")
    if file.exists():
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True)) as connection:
            connection.execute("PRAGMA schema_version")


@contextmanager
def opening(url: str) -> Iterator[None]:
    """While it lasts, this process alone may create the database at `url`; raises `InputError` as `check` does.

    Processes that migrate a fresh SQLite file at once crash. The write-ahead log halves what four writers wait for
    each other; the setting stays in the file.
    """
    check(url)
    file = sqlite_file(url)
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        with closing(sqlite3.connect(file, timeout=60)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        yield
