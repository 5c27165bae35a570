"""Trials from anywhere as the frames that a report is made of."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from hyperstudy.reports.frames import MARKS, Origin, Study
from hyperstudy.reports.sources.space import infer, plain
from hyperstudy.study.comparisons.arms import short
from hyperstudy.study.core.domains import Dimension, Domain, Range
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, EXPLORE, FAILED, PRUNED, SEARCH
from hyperstudy.study.outputs.objective import Objective

FEWEST = 5  # complete trials
SEEDS = ("seed", "random_seed", "random_state")
OWN = (  # columns of a study's runs
    *("run_id", "name", "phase", "state", "trial", "role", "seconds", "seed", "objective", "link", "tested"),
    *("best_objective", "train_seconds", "parameters", *MARKS),
)


class Found(NamedTuple):
    """The trials of a source that have ended.

    `trials` has a row each: `trial` (its number), `run_id`, `name`, `state`, `objective` in its own direction,
    `seconds`, `link`. `params` has the same rows and a column per hyperparameter. `curves` has `run_id`, `epoch` and
    the objective. `domains` is the space; None: it is inferred from the values.
    """

    name: str
    place: str  # in words
    trials: pd.DataFrame
    params: pd.DataFrame
    objective: Objective
    random: bool  # whether their user says that the trials were sampled at random
    notes: tuple[str, ...] = ()
    domains: Mapping[str, Domain] | None = None
    curves: pd.DataFrame | None = None
    link: str = ""


def study_of(found: Found) -> Study:
    """The trials as a study; raises `InputError` if they are too few, or if nothing varies."""
    trials = _ended(found)
    params, gaps = _without_gaps(found.params, trials.state)
    space, odd = _space(params, found.domains)
    searched = {name: row.domain for name, row in space.items() if row.domain is not None}
    whole = params[list(searched)].notna().all(axis=1)
    lost = (f"{counted(int((~whole).sum()), 'trial')} that failed before all values were drawn: left out.",)
    notes = (*found.notes, *gaps, *odd, *(lost if not whole.all() else ()))
    complete = int((whole & (trials.state == COMPLETE)).sum())
    if complete < FEWEST:
        raise InputError(f"{found.place} must hold at least {FEWEST} complete trials; it holds {complete}")
    if not searched:
        raise InputError(f"{found.place} must hold a hyperparameter that varies. {' '.join(notes)}")
    runs = trials[whole].assign(**{name: row.default for name, row in space.items() if row.domain is None})
    for name, domain in searched.items():
        runs[name] = _column(params[name][whole], domain)
    tags, origin = {"study.hardware": found.place}, Origin(found.place, found.random, notes)
    frames = runs.reset_index(drop=True), _curves(found)
    return Study(folder_name(found.name), found.link, tags, space, *frames, objective=found.objective, origin=origin)


def _ended(found: Found) -> pd.DataFrame:
    """The trials with all columns of runs, and the objective larger-is-better; one that is no number has diverged."""
    trials = found.trials.reindex(columns=[*dict.fromkeys([*OWN, *found.trials.columns])])
    value = found.objective.own(trials.objective.astype(float))
    known = pd.Series(np.isfinite(value), index=trials.index)
    trials["state"] = trials.state.where(known | (trials.state != COMPLETE), DIVERGED)
    trials["objective"] = value.where(known & trials.state.isin((COMPLETE, PRUNED)))
    # Nothing rests on pruned trials: their values are of an earlier step.
    phase = np.where(trials.state == PRUNED, SEARCH, EXPLORE)
    return trials.assign(phase=phase, train_seconds=trials.seconds)


def _without_gaps(params: pd.DataFrame, state: pd.Series) -> tuple[pd.DataFrame, list[str]]:
    """The hyperparameters that every trial has that ran, and a line on each that is left out."""
    ran, kept, lines = params[state != FAILED], [], []
    for name in params:
        missing = int(ran[name].isna().sum())
        if name in SEEDS and ran[name].nunique() > 1:
            lines.append(f"{name} is left out: a seed is noise, not a choice.")
        elif 0 < missing < len(ran):
            lines.append(f"{name} is left out: {missing} of {counted(len(ran), 'trial')} have no value of it.")
        elif not missing:
            kept.append(name)
    return params[kept], lines


def _space(params: pd.DataFrame, domains: Mapping[str, Domain] | None) -> tuple[dict[str, Dimension], list[str]]:
    """Every hyperparameter with its domain, None if it is constant; and a line on each that is left out."""
    space, lines = {}, []
    for name in params:
        values = (plain(params[name]) if domains is None else params[name]).dropna()
        if values.nunique() < 2:
            space[name] = Dimension(None, short(values.iloc[0]) if len(values) else "missing")
        elif (domain := infer(values) if domains is None else domains.get(name)) is not None:
            space[name] = Dimension(domain, None)
        else:
            lines.append(f"{name} is left out: its {values.nunique()} texts look like names, not like choices.")
    return space, lines


def _column(values: pd.Series, domain: Domain) -> pd.Series:
    if not domain.numeric:
        return values.map(str)
    numbers = values.map(float)
    return numbers.astype(int) if isinstance(domain, Range) and domain.integer else numbers


def _curves(found: Found) -> pd.DataFrame:
    curves = pd.DataFrame() if found.curves is None else found.curves
    curves = curves.reindex(columns=["run_id", "epoch", "objective"])
    values = found.objective.own(curves.objective.astype(float))
    return curves.assign(objective=values).astype({"epoch": int})


def free_names(params: pd.DataFrame) -> pd.DataFrame:
    """The hyperparameters; those that have the name of another column of runs get an underscore."""
    return params.rename(columns={name: f"{name}_" for name in params if name in OWN and name not in SEEDS})


def folder_name(name: str) -> str:
    """A name that may be that of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100].rstrip("-._") or "trials"


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
