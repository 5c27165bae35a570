"""What confirmation runs answered to each test picture, read back from their artifacts."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hyperstudy.study.comparisons.seeds import Answered
from hyperstudy.study.outputs.names import ANSWERS, TEST_METRIC
from hyperstudy.study.tracking.tracker import Run, Tracker


def right_answers(tracker: Tracker, run_id: str) -> np.ndarray | None:
    """Whether a run was right about each test picture `(N,)`; None if it kept no answers, as runs of old versions."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with np.load(tracker.download(run_id, ANSWERS, Path(folder))) as file:
                return file["true"] == file["predicted"]
        except Exception:  # artifact stores raise errors of many kinds for a file that they do not have
            return None


def answered(tracker: Tracker, runs: Iterable[Run]) -> list[Answered]:
    """Runs with a test accuracy, each with its answers."""
    return [
        Answered(int(run.params["seed"]), run.metrics[TEST_METRIC], right_answers(tracker, run.run_id)) for run in runs
    ]
