"""What confirmation runs answered to each test picture, read back from their artifacts."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hyperstudy.study.comparisons.seeds import Answered
from hyperstudy.study.core.errors import StoreError
from hyperstudy.study.outputs.names import ANSWERS
from hyperstudy.study.outputs.objective import ACCURACY, Objective
from hyperstudy.study.tracking.tracker import Run, Tracker


def right_answers(tracker: Tracker, run_id: str) -> np.ndarray | None:
    """Whether a run was right about each test picture `(N,)`; None if it kept no answers, as runs of old versions."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with np.load(tracker.download(run_id, ANSWERS, Path(folder))) as file:
                return file["true"] == file["predicted"]
        except StoreError:
            raise
        except Exception:  # artifact stores raise errors of many kinds for a file that they do not have
            return None


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
