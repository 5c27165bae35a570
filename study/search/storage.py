"""Optuna's storage: opened by one process at a time, and silent while it works."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from filelock import FileLock
from optuna.storages import RDBStorage
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from study.core.errors import InputError
from study.tracking.store import opening, sqlite_file

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

HEARTBEAT_SECONDS = 10
GRACE_SECONDS = 60  # a trial of another machine that has been silent for longer is taken for lost
LOCK = 5_061_947  # a number of ours among a PostgreSQL server's advisory locks
SETTINGS = "settings"  # attribute of a study: what it is


def open_storage(url: str) -> RDBStorage:
    """The Optuna storage behind a database URL; raises `InputError` if it cannot be opened."""
    options = {"connect_args": {"timeout": 60}} if sqlite_file(url) else {}
    with opening(url):
        try:
            return RDBStorage(
                url, engine_kwargs=options, heartbeat_interval=HEARTBEAT_SECONDS, grace_period=GRACE_SECONDS
            )
        except (SQLAlchemyError, RuntimeError) as error:
            raise InputError(f"store {url!r} holds no Optuna data: {str(error).splitlines()[0]}") from None


@contextmanager
def alone(storage: RDBStorage) -> Iterator[None]:
    """While it lasts, no other process is here with this storage: what is read of a study can be written back.

    A file has a lock beside it, PostgreSQL an advisory one; no other server is asked for any.
    """
    if file := sqlite_file(storage.url):
        with FileLock(f"{file}.lock"):
            yield
    elif storage.engine.dialect.name == "postgresql":
        with storage.engine.connect() as connection:
            connection.execute(select(func.pg_advisory_lock(LOCK)))
            try:
                yield
            finally:
                connection.execute(select(func.pg_advisory_unlock(LOCK)))
    else:
        yield


def settings_of(storage: RDBStorage, name: str) -> dict[str, str]:
    """What a study is, as it was settled; raises `InputError` if the storage has no such study."""
    names = [summary.study_name for summary in optuna.get_all_study_summaries(storage, include_best_trial=False)]
    if name not in names:
        raise InputError(
            f"store {storage.url!r} holds no trials of study {name!r}: name the study's own with --storage"
        )
    return dict(optuna.load_study(study_name=name, storage=storage).user_attrs[SETTINGS])
