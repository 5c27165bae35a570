"""A study as its tracker has it."""

import csv
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from hyperstudy.reports.frames import JUDGED, MARKS, Answers, Study
from hyperstudy.study.comparisons.answers import arrays, right_answers
from hyperstudy.study.core.domains import dimension
from hyperstudy.study.core.errors import InputError, StoreError
from hyperstudy.study.core.text import read_inert
from hyperstudy.study.outputs.names import CONFIRM, PHASES
from hyperstudy.study.outputs.objective import Objective, objective_of
from hyperstudy.study.tracking.experiments import charts_link, find_study, run_link
from hyperstudy.study.tracking.lost import lost
from hyperstudy.study.tracking.tracker import Run, Tracker

MEASURED = ("best_epoch", "steps", "train_seconds", "parameters")


def load(uri: str, name: str | None, base: str) -> Study:
    """The named study of a store, or the latest; raises `InputError` with the existing names if there is none.

    `base` is the address under which the tracker's pages are served, for links.
    """
    tracker = Tracker(uri, find_study(uri, name))
    tags = tracker.tags()
    if "study.space" not in tags:
        raise InputError(
            f"experiment {tracker.experiment!r} in {uri!r} was not made by study.run: it has no space. "
            f"--experiment {tracker.experiment} reads it"
        )
    space = {name: dimension(row) for name, row in json.loads(tags["study.space"]).items()}
    objective = objective_of(tags)
    # A run that was cut off before its parameters arrived has nothing to report.
    runs = [run for run in tracker.runs() if run.tags.get("phase") in PHASES and run.params]
    frame = _frame(runs, space, objective)
    frame["link"] = [run_link(base, tracker.experiment_id, run_id) for run_id in frame.run_id]
    link = charts_link(base, tracker.experiment_id)
    study = Study(tracker.experiment, link, tags, space, frame, _curves(tracker, runs, objective), objective=objective)
    return replace(study, answers=_answers(tracker, study), right=_right(tracker, study), lost=lost(tracker))


def _frame(runs: list[Run], hyperparameters: Iterable[str], objective: Objective) -> pd.DataFrame:
    frame = pd.DataFrame([_row(run, objective) for run in runs])
    columns = ["run_id", "name", "phase", "state", "trial", "role", "seconds", "seed", *JUDGED, *MEASURED, *MARKS]
    frame = frame.reindex(columns=[*columns, *(c for c in frame.columns if c not in columns)])
    for name in {"seed", *hyperparameters}:
        frame[name] = _numeric(frame.get(name, pd.Series(index=frame.index, dtype=object)))
    return frame


def _row(run: Run, objective: Objective) -> dict[str, Any]:
    return {
        **{name: run.metrics[name] for name in MEASURED if name in run.metrics},
        **{name: run.tags.get(name) for name in MARKS},
        **run.params,
        **_judged(run, objective),
        "run_id": run.run_id,
        "name": run.name,
        "phase": run.tags["phase"],
        "state": run.tags.get("state", "running"),
        "trial": int(run.tags.get("trial", -1)),
        "role": run.tags.get("role"),
        "seconds": (run.end_ms - run.start_ms) / 1000 if run.end_ms else None,
    }


def _judged(run: Run, objective: Objective) -> dict[str, float]:
    """The run's values of the objective, larger-is-better."""
    keys = [("best_objective", "best_val_accuracy"), ("best_objective", "best_objective"), ("objective", "objective")]
    keys += [("tested", objective.confirmed_key)] if run.tags["phase"] == CONFIRM else []
    return {name: objective.own(run.metrics[key]) for name, key in keys if key in run.metrics}


def _numeric(column: pd.Series) -> pd.Series:
    """The column as numbers if all of its values are; otherwise unchanged."""
    numbers = pd.to_numeric(column, errors="coerce")
    if not numbers.notna().eq(column.notna()).all() or not numbers.notna().any():
        return column
    # Before version 3 pandas rounds the last digit of a text's number, by which configurations are told apart.
    return column.map(float, na_action="ignore").astype(float) if numbers.dtype.kind == "f" else numbers


def _curves(tracker: Tracker, runs: list[Run], objective: Objective) -> pd.DataFrame:
    """A row per run and epoch."""
    rows = [{"run_id": run_id, **epoch} for run_id, epochs in tracker.curves(runs) for epoch in epochs]
    frame = pd.DataFrame(rows, columns=None if rows else ["run_id", "epoch"]).astype({"epoch": int})
    values = frame.get(objective.key, pd.Series(np.nan, index=frame.index))
    return frame.assign(objective=objective.own(values.astype(float)))


def _answers(tracker: Tracker, study: Study) -> Answers | None:
    """The test answers of the winner's confirmation run with the lowest seed; None if there are none."""
    tested = study.of_finalist("winner")
    if tested.empty or study.loop:
        return None
    run_id = tested.run_id.iloc[0]
    with TemporaryDirectory() as folder:
        try:
            classes, counts = _confusion(tracker.download(run_id, "confusion_matrix.csv", Path(folder)))
        except StoreError:
            raise
        except Exception:  # of many kinds, by what is lost or damaged
            return None
    return Answers(classes, counts, arrays(tracker, run_id, "mistakes.npz"))  # old runs have none


def _right(tracker: Tracker, study: Study) -> dict[str, np.ndarray]:
    """Whether each finalist's confirmation runs were right about each test picture, by run; of accuracy alone."""
    if not study.objective.accuracy:
        return {}
    runs = [run_id for role in study.finalists for run_id in study.of_finalist(role).run_id]
    found = {run_id: right_answers(tracker, run_id) for run_id in runs}
    return {run_id: right for run_id, right in found.items() if right is not None}


def _confusion(path: Path) -> tuple[list[str], np.ndarray]:
    """Classes and counts. Read as text: pandas would turn the class '00000' into 0, and a second 'a' into 'a.1'."""
    with path.open(newline="", encoding="utf-8") as file:
        (_, *classes), *rows = csv.reader(file)
    counts = np.array([[int(count) for count in counts] for _, *counts in rows])
    return list(map(read_inert, classes)), counts.reshape(len(classes), len(classes))  # fails for a file that was cut
