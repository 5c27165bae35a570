"""Optuna's storage: opened by one process at a time, and silent while it works."""

import warnings

import optuna
from optuna.storages import RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from study.errors import InputError
from study.stores import opening, sqlite_file

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

HEARTBEAT_SECONDS = 10
GRACE_SECONDS = 60  # a trial of another machine that has been silent for longer is taken for lost
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


def settings_of(storage: RDBStorage, name: str) -> dict[str, str]:
    """What a study is, as it was settled; raises `InputError` if the storage has no such study."""
    names = [summary.study_name for summary in optuna.get_all_study_summaries(storage, include_best_trial=False)]
    if name not in names:
        raise InputError(
            f"store {storage.url!r} holds no trials of study {name!r}: name the study's own with --storage"
        )
    return dict(optuna.load_study(study_name=name, storage=storage).user_attrs[SETTINGS])
