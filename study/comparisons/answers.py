"""What confirmation runs answered to each test picture, read back from their artifacts."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hyperstudy.study.comparisons.seeds import Answered
from hyperstudy.study.core.errors import InputError, StoreError
from hyperstudy.study.outputs.names import ANSWERS
from hyperstudy.study.outputs.objective import ACCURACY, Objective
from hyperstudy.study.tracking.tracker import Run, Tracker

OBJECTS = (b"PK", b"\x80")  # how an archive and a pickle begin; NumPy takes whatever it does not know for objects


def arrays(tracker: Tracker, run_id: str, name: str) -> dict[str, np.ndarray]:
    """The arrays of a run's artifact; empty if it has none, as runs of old versions, or if it is damaged. Raises
    `InputError` for one that holds objects: to load those would run what a store says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        try:
            path = tracker.download(run_id, name, Path(folder))
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except StoreError:
            raise
        except Exception as error:  # artifact stores raise errors of many kinds for a file that they do not have
            if "allow_pickle" in str(error) and path.read_bytes().startswith(OBJECTS):
                said = f"artifact {name} of run {run_id} must hold numbers alone: it is not loaded"
                raise InputError(said) from None
            return {}


def right_answers(tracker: Tracker, run_id: str) -> np.ndarray | None:
    """Whether a run was right about each test picture `(N,)`; None if it kept no answers. Raises `InputError`."""
    kept = arrays(tracker, run_id, ANSWERS)
    return kept["true"] == kept["predicted"] if kept else None


def answered(tracker: Tracker, runs: Iterable[Run], objective: Objective = ACCURACY) -> list[Answered]:
    """Runs that have the metric by which finalists are compared, larger-is-better; for accuracy with their answers."""
    return [
        Answered(
            int(run.params["seed"]),
            objective.own(run.metrics[objective.confirmed_key]),
            right_answers(tracker, run.run_id) if objective.accuracy else None,
        )
        for run in runs
    ]
