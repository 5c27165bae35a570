"""MLflow's client behind one boundary: it waits for a store that is away for a while, and says so.

A store that does not come back, or cannot be written, is one error with one line.
"""

import logging
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from hyperstudy.study.core.errors import InputError, StoreError
from hyperstudy.study.core.text import shortened
from hyperstudy.study.tracking.store import fill, opening

for name in ("mlflow", "alembic", "urllib3"):  # they write tracebacks of errors that they also raise
    logging.getLogger(name).setLevel(logging.CRITICAL)

SCHEMA = "database schema"  # what MLflow's error is about where a store is of another version
PATIENCE_SECONDS = 5  # before it is said for what a command waits
WAIT_SECONDS = 300  # for a database that is locked or restarts; MLflow itself tries a server again for as long
CREATING_SECONDS = 60  # of a fresh database, on a busy machine
PAUSE_SECONDS = 1.0
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
T = TypeVar("T")
FAILURES = ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "BAD_REQUEST", "DEADLINE_EXCEEDED", "REQUEST_LIMIT_EXCEEDED")


class Client:
    """Has the methods of `MlflowClient`. Each raises `StoreError` where the store fails; after that, all do so at once,
    so that a command ends without waiting again."""

    def __init__(self, uri: str) -> None:
        self._uri, self._client = uri, MlflowClient(uri)
        self._lost: StoreError | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._call, getattr(self._client, name))

    def _call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if self._lost is not None:
            raise self._lost
        try:
            return patiently(self._uri, partial(method, *arguments, **named))
        except StoreError as error:
            self._lost = error
            raise


def open_client(uri: str) -> Client:
    """A client of the store, which is made if there is none; raises `InputError` for one that is not MLflow's, or that
    MLflow refuses as another version's."""
    try:
        return patiently(uri, partial(_open, uri), CREATING_SECONDS)
    except (InputError, StoreError, OSError):
        raise
    except Exception as error:  # MLflow's or Alembic's
        raise InputError(f"store {uri!r} holds no MLflow data: {str(error).splitlines()[0]}") from None


def _open(uri: str) -> Client:
    with opening(uri) as empty:
        if empty:  # filled at once: one in which MLflow made a part of its tables can never be opened again
            with tempfile.TemporaryDirectory() as folder:
                made = Path(folder, "mlflow.db")
                with opening(url := f"sqlite:///{made}"):  # with a write-ahead log 75 migrations wait less for the disk
                    MlflowClient(url).search_experiments(max_results=1)
                fill(empty, made)
        try:
            MlflowClient(uri).search_experiments(max_results=1)
        except MlflowException as error:
            if SCHEMA in str(error):
                what = f"store {uri!r} was made by another version of MLflow than {mlflow.__version__}"
                raise InputError(
                    f"{what}: use that version, or if this one is newer `mlflow db upgrade {uri}`"
                ) from None
            raise
    return Client(uri)


def patiently(uri: str, call: Callable[[], T], usual: float = PATIENCE_SECONDS) -> T:
    """What a call returns that asks the store and can be repeated; raises `StoreError` where the store fails.

    A call that takes longer than the usual seconds says that it waits.
    """
    until = time.monotonic() + WAIT_SECONDS
    with _said_after(usual):
        while True:
            try:
                return call()
            except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
                if (reason := _reason(error)) is None:
                    raise
                if not _passes(error) or time.monotonic() > until:
                    raise StoreError(f"store {uri!r} failed: {reason}") from None
            time.sleep(PAUSE_SECONDS)


@contextmanager
def _said_after(seconds: float) -> Iterator[None]:
    words = "the store does not answer; waiting for it"
    late = threading.Timer(seconds, lambda: print(words, file=sys.stderr, flush=True))
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: Exception) -> str | None:
    """Why the store failed, in a line; None if it did not, but was asked for what it does not have."""
    if isinstance(error, MlflowException) and error.error_code not in FAILURES:
        return None
    for cause in _chain(error):
        if isinstance(cause, SQLAlchemyError | sqlite3.Error):
            return _first_line(getattr(cause, "orig", None) or cause)
        if isinstance(cause, OSError):  # as all errors of requests are
            return "the server does not answer, or answers with errors"
    return _first_line(error)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return shortened(lines[0] if lines else type(error).__name__)


def _passes(error: Exception) -> bool:
    """Whether waiting helps: a lock, or a database server that was restarted. Not a full disk."""
    for cause in _chain(error):
        if isinstance(cause, OperationalError | sqlite3.OperationalError):
            original = getattr(cause, "orig", None) or cause
            if (code := getattr(original, "sqlite_errorcode", None)) is not None:
                return code & 0xFF in BUSY
            return "No space left" not in str(original)
    return False
