"""A study as its tracker tells it."""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from reports.frames import MARKS, Answers, Study
from reports.selection import of_finalist
from study.core.errors import InputError, not_one_of
from study.outputs.names import CONFIRM, EPOCH_METRICS, EXPLORE, RECIPE, SEARCH
from study.tracking.tracker import Run, Tracker, charts_link, experiments, run_link

PHASES = (EXPLORE, SEARCH, CONFIRM, RECIPE)
MEASURED = ("objective", "test/accuracy", "best_val_accuracy", "train_seconds", "parameters")


def load(uri: str, name: str | None, base: str) -> Study:
    """The named study of a store, or its latest; raises `InputError` with the names that exist if it has none such.

    `base` is the address under which the tracker's pages are served, for links.
    """
    ids = experiments(uri)
    if not ids:
        raise InputError(f"there is no study in {uri!r}: run python -m study.run")
    if name is not None and name not in ids:
        raise not_one_of("study", name, ids)
    tracker = Tracker(uri, name or next(iter(ids)))
    tags = tracker.tags()
    if "study.space" not in tags:
        raise InputError(f"experiment {tracker.experiment!r} in {uri!r} was not made by study.run: it has no space")
    space = json.loads(tags["study.space"])
    # A run that was cut off before its parameters arrived tells nothing.
    runs = [run for run in tracker.runs() if run.tags.get("phase") in PHASES and run.params]
    frame = _frame(runs, space)
    frame["link"] = [run_link(base, tracker.experiment_id, run_id) for run_id in frame.run_id]
    link = charts_link(base, tracker.experiment_id)
    study = Study(tracker.experiment, link, tags, space, frame, _curves(tracker, runs))
    return replace(study, answers=_answers(tracker, study))


def _frame(runs: list[Run], space: dict[str, dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame([_row(run) for run in runs])
    columns = ["run_id", "name", "phase", "state", "trial", "role", "seconds", "seed", *MEASURED, *MARKS]
    frame = frame.reindex(columns=[*columns, *(c for c in frame.columns if c not in columns)])
    for name in space:
        frame[name] = _numeric(frame.get(name, pd.Series(index=frame.index, dtype=object)))
    return frame


def _row(run: Run) -> dict[str, Any]:
    seconds = (run.end_ms - run.start_ms) / 1000 if run.end_ms else None
    known = {"run_id": run.run_id, "name": run.name, "phase": run.tags["phase"], "seconds": seconds}
    state = run.tags.get("state", "running")
    return {
        **{name: value for name, value in run.metrics.items() if name not in EPOCH_METRICS},
        **{name: run.tags.get(name) for name in MARKS},
        **run.params,
        **known,
        **{"state": state, "trial": int(run.tags.get("trial", -1)), "role": run.tags.get("role")},
    }


def _numeric(column: pd.Series) -> pd.Series:
    """The column as numbers if all of its values are; as it is otherwise."""
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().eq(column.notna()).all() and numbers.notna().any() else column


def _curves(tracker: Tracker, runs: list[Run]) -> pd.DataFrame:
    """A point that a run logged twice counts as logged last."""
    points = pd.DataFrame(tracker.histories(EPOCH_METRICS), columns=["run_id", "metric", "epoch", "value"])
    points = points[points.run_id.isin([run.run_id for run in runs])]
    wide = points.drop_duplicates(["run_id", "epoch", "metric"], keep="last").pivot(
        index=["run_id", "epoch"], columns="metric", values="value"
    )
    return wide.reindex(columns=list(EPOCH_METRICS)).rename_axis(columns=None).reset_index()


def _answers(tracker: Tracker, study: Study) -> Answers | None:
    """What the winner's confirmation run with the lowest seed left of its test; None if there is none."""
    tested = of_finalist(study, "winner")
    if tested.empty:
        return None
    run_id = tested.run_id.iloc[0]
    with TemporaryDirectory() as folder:
        try:
            counts = pd.read_csv(tracker.download(run_id, "confusion_matrix.csv", Path(folder)), index_col=0)
        except Exception:  # whatever an artifact store raises for a file that it has lost
            return None
        try:
            with np.load(tracker.download(run_id, "mistakes.npz", Path(folder))) as file:
                mistakes = dict(file)
        except Exception:
            mistakes = {}
    return Answers(counts, mistakes)
