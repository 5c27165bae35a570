"""An MLflow experiment whose runs other scripts made."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hyperstudy.reports.frames import Study
from hyperstudy.reports.sources.trials import Found, counted, free_names, study_of
from hyperstudy.study.core.errors import InputError, not_one_of, without_passwords
from hyperstudy.study.outputs.names import COMPLETE, FAILED
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.tracking.experiments import charts_link, experiments, run_link
from hyperstudy.study.tracking.tracker import Run, Tracker

ENDED = {"FINISHED": COMPLETE, "FAILED": FAILED, "KILLED": FAILED}  # MLflow's statuses in our states


def from_experiment(uri: str, name: str, metric: str | None, maximize: bool | None, random: bool, base: str) -> Study:
    """The runs of an experiment; raises `InputError`. `base` is the address that serves the tracker's pages."""
    tracker = Tracker(uri, name)
    if not tracker.experiment_id:
        raise not_one_of("experiment", name, [*experiments(uri), "Default"])
    if "study.space" in tracker.tags():
        raise InputError(f"experiment {name!r} was made by study.run: --study {name} reports it")
    runs = tracker.runs()
    metric = _metric(runs, name, metric)
    if maximize is None:
        raise InputError(f"--minimize or --maximize must say which {metric} is better")
    ended = [run for run in runs if run.status in ENDED]
    judged = [run for run in ended if metric in run.metrics or ENDED[run.status] == FAILED]
    notes = [f"{counted(len(runs) - len(ended), 'run')} not ended: left out."] if len(runs) > len(ended) else []
    notes += (
        [f"{counted(len(ended) - len(judged), 'run')} without {metric}: left out."] if len(ended) > len(judged) else []
    )
    params = free_names(pd.DataFrame([run.params for run in judged], dtype=object))
    trials = pd.DataFrame([_row(place, run, metric) for place, run in enumerate(judged)])
    trials["link"] = [run_link(base, tracker.experiment_id, run.run_id) for run in judged]
    where, link = f"MLflow experiment {name!r} in {without_passwords(uri)}", charts_link(base, tracker.experiment_id)
    objective, curves = Objective(metric, maximize), _curves(tracker, judged, metric)
    return study_of(Found(name, where, trials, params, objective, random, tuple(notes), None, curves, link))


def _metric(runs: Sequence[Run], experiment: str, metric: str | None) -> str:
    """The metric that is asked for, or the only one."""
    names = sorted({name for run in runs for name in run.metrics})
    if not names:
        raise InputError(f"experiment {experiment!r} must hold runs with a metric; it has {counted(len(runs), 'run')}")
    if metric is None and len(names) > 1:
        raise InputError(f"--objective must name one of the experiment's metrics: {', '.join(names)}")
    if metric is not None and metric not in names:
        raise not_one_of("objective", metric, names)
    return metric or names[0]


def _row(place: int, run: Run, metric: str) -> dict[str, Any]:
    seconds = (run.end_ms - run.start_ms) / 1000 if run.end_ms else None
    row = {"run_id": run.run_id, "name": run.name, "trial": place, "state": ENDED[run.status]}
    return row | {"objective": run.metrics.get(metric), "seconds": seconds}


def _curves(tracker: Tracker, runs: Sequence[Run], metric: str) -> pd.DataFrame | None:
    """The metric by step; None where runs have one value of it."""
    rows = [
        {"run_id": run.run_id, "epoch": point.step, "objective": point.value}
        for run in runs
        for point in tracker.client.get_metric_history(run.run_id, metric)
    ]
    return pd.DataFrame(rows).drop_duplicates(["run_id", "epoch"], keep="last") if len(rows) > len(runs) else None
