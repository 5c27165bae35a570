"""Stores and runs without any training."""

import resource
import shutil
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from hyperstudy.study.tracking.client import open_client
from hyperstudy.study.tracking.store import flush
from hyperstudy.study.tracking.tracker import Tracker, dataset_input

FOLDER = tempfile.TemporaryDirectory()


@cache
def empty_store() -> Path:
    """A database file with MLflow's tables: to copy one is 2 s faster than to let MLflow make another."""
    file = Path(FOLDER.name, "mlflow.db")
    open_client(f"sqlite:///{file}")
    flush(f"sqlite:///{file}")
    return file


def make_tracker(folder, name="a study"):
    if not (file := folder / "mlflow.db").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty_store(), file)
    tracker = Tracker(f"sqlite:///{file}", name)
    tracker.create()
    return tracker


@contextmanager
def files_up_to(size):
    """No file can grow beyond so many bytes in this block, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def start(tracker, name="run", phase="explore"):
    data = dataset_input("digits", "abc", "data", "training", {"training": 3})
    return tracker.start(name, {"lr": 0.1, "depth": 2}, {"phase": phase, "trial": 7}, [data])
