"""Stores and runs without any training."""

import shutil
import tempfile
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


def start(tracker, name="run", phase="explore"):
    data = dataset_input("digits", "abc", "data", "training", {"training": 3})
    return tracker.start(name, {"lr": 0.1, "depth": 2}, {"phase": phase, "trial": 7}, [data])
