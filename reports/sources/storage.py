"""A study in an Optuna storage."""

from typing import Any

import pandas as pd

from hyperstudy.reports.frames import Study
from hyperstudy.reports.sources.trials import Found, counted, free_names, study_of
from hyperstudy.study.core.errors import InputError, not_one_of, without_passwords
from hyperstudy.study.outputs.names import COMPLETE, FAILED, PRUNED
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.search.foreign import ForeignStudy, ForeignTrial, read_study

ENDED = {"COMPLETE": COMPLETE, "PRUNED": PRUNED, "FAIL": FAILED}  # Optuna's states in ours


def from_storage(url: str, name: str | None, metric: str | None, random: bool) -> Study:
    """The named study of a storage, or its only one; raises `InputError`.

    `metric` picks one of several objectives, and names one that has no name.
    """
    study = read_study(url, name)
    place, objective = _objective(study, metric)
    ended = [trial for trial in study.trials if trial.state in ENDED]
    notes = [f"{counted(open_, 'trial')} not ended: left out." for open_ in [len(study.trials) - len(ended)] if open_]
    params = free_names(pd.DataFrame([trial.params for trial in ended], dtype=object))
    rows = [
        {"run_id": _name(trial), "epoch": step, "objective": value}
        for trial in ended
        for step, value in trial.curve.items()
    ]
    where = f"Optuna study {study.name!r} in {without_passwords(url)}"
    trials = pd.DataFrame([_row(trial, place) for trial in ended])
    domains = {f"{name}_" if name not in params else name: domain for name, domain in study.domains.items()}
    curves = pd.DataFrame(rows) if len(study.metrics) == 1 else None
    return study_of(Found(study.name, where, trials, params, objective, random, tuple(notes), domains, curves))


def _objective(study: ForeignStudy, metric: str | None) -> tuple[int, Objective]:
    """Which of the study's objectives it is, and its record."""
    if len(study.metrics) == 1:
        return 0, Objective(metric or study.metrics[0], study.maximize[0])
    if metric is None:
        raise InputError(f"--objective must name one of the study's objectives: {', '.join(study.metrics)}")
    if metric not in study.metrics:
        raise not_one_of("objective", metric, study.metrics)
    place = study.metrics.index(metric)
    return place, Objective(metric, study.maximize[place])


def _row(trial: ForeignTrial, place: int) -> dict[str, Any]:
    value = trial.values[place] if trial.values else None
    row = {"run_id": _name(trial), "name": _name(trial), "trial": trial.number, "state": ENDED[trial.state]}
    return row | {"objective": value, "seconds": trial.seconds}


def _name(trial: ForeignTrial) -> str:
    return f"trial {trial.number}"
