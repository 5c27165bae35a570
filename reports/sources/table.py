"""A table of trials as CSV: what Optuna's `trials_dataframe` writes, or a column per hyperparameter."""

import csv
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from hyperstudy.reports.frames import Study
from hyperstudy.reports.sources.trials import Found, counted, free_names, study_of
from hyperstudy.study.core.errors import InputError, not_one_of
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, FAILED, PRUNED
from hyperstudy.study.outputs.objective import Objective

PREFIXES = ("params_", "params.", "param_", "config/")  # of hyperparameters: Optuna's, MLflow's, scikit-learn's, Ray's
BOOKKEEPING = ("number", "trial", "state", "duration", "seconds", "datetime_start", "datetime_complete", "value", "")
PREFIXED = (
    "user_attrs_",
    "system_attrs_",
    "values_",
    "intermediate_values",
    "Unnamed:",
)  # columns of Optuna and pandas
MISSING = ("", "nan", "NaN")
STATES = {"complete": COMPLETE, "pruned": PRUNED, "fail": FAILED, "failed": FAILED, "diverged": DIVERGED}
STATES |= {"running": "", "waiting": ""}  # not ended


def from_table(path: Path, metric: str | None, maximize: bool | None, random: bool) -> Study:
    """The trials of a CSV file, whose objective is the column `metric` or `value`; raises `InputError`."""
    table = _read(path)
    metric = _objective(table, path, metric)
    if maximize is None:
        raise InputError(f"--minimize or --maximize must say which {metric} is better")
    values, states = _numbers(table[metric], metric), _states(table)
    ended, notes = states != "", []
    if (~ended).any():
        notes.append(f"{counted(int((~ended).sum()), 'trial')} not ended: left out.")
    params = free_names(_params(table, metric))
    counters = [name for name in params if _counts_rows(params[name])]
    notes += [f"{name} is left out: it counts the rows." for name in counters]
    number = next((table[name] for name in ("number", "trial") if name in table), None)
    names = [f"row {row + 1}" for row in range(len(table))] if number is None else [f"trial {n}" for n in number]
    trials = pd.DataFrame({"run_id": names, "name": names, "trial": range(len(table)), "state": states})
    trials = trials.assign(objective=values, seconds=_seconds(table))
    objective = Objective(metric, maximize)
    trials, params = trials[ended], params.drop(columns=counters)[ended]
    return study_of(Found(path.stem, str(path), trials, params, objective, random, tuple(notes)))


def _read(path: Path) -> pd.DataFrame:
    """The file's columns as text, a missing value where a cell is empty or nan."""
    names, *trials = _rows(path)
    if not any(names) or not trials:
        raise InputError(f"file {str(path)!r} must hold a line of column names and a line per trial")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"file {str(path)!r} must have different column names; it has {twice[0]!r} twice")
    for number, row in enumerate(trials, start=1):
        if len(row) != len(names):
            cells = f"row {number} has {len(row)} cells, its head {len(names)}"
            raise InputError(f"file {str(path)!r} is no table: {cells}")
    table = pd.DataFrame(trials, columns=names, dtype=object)
    return table.mask(table.isin(MISSING))


def _rows(path: Path) -> list[list[str]]:
    """The cells of every line that is not empty; at least one row, which may be empty."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        separator = max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        return [row for row in reader if row] or [[]]
    except UnicodeDecodeError as error:
        raise InputError(f"file {str(path)!r} must be text in UTF-8; byte {error.start} is not") from None
    except OSError as error:
        raise InputError(f"file {str(path)!r} cannot be read: {error.strerror}") from None
    except csv.Error as error:
        raise InputError(f"file {str(path)!r} is no table: {error}") from None


def _objective(table: pd.DataFrame, path: Path, metric: str | None) -> str:
    metric = metric or ("value" if "value" in table else None)
    if metric is None:
        raise InputError(f"--objective must name a column of {str(path)!r}: {', '.join(table)}")
    if metric not in table:
        raise not_one_of("objective", metric, table)
    return metric


def _numbers(column: pd.Series, name: str) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    if (wrong := column[numbers.isna() & column.notna()]).size:
        raise InputError(f"objective {name} must be a number in every row; got {wrong.iloc[0]!r}")
    return column.map(float, na_action="ignore").astype(float)


def _states(table: pd.DataFrame) -> pd.Series:
    """Our state of every trial, empty for those that have not ended. A column of other words is no state."""
    if not _has_states(table):
        return pd.Series(COMPLETE, index=table.index)
    return table["state"].str.lower().map(STATES).fillna(COMPLETE)


def _has_states(table: pd.DataFrame) -> bool:
    return "state" in table and bool(table["state"].dropna().str.lower().isin(STATES).all())


def _params(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The columns of hyperparameters: those with a known prefix, without it; if there are none, all others."""
    for prefix in PREFIXES:
        if named := {name: name.removeprefix(prefix) for name in table if name.startswith(prefix)}:
            return table[list(named)].rename(columns=named)
    known = [name for name in BOOKKEEPING if name != "state" or _has_states(table)]
    return table[[name for name in table if name not in (metric, *known) and not name.startswith(PREFIXED)]]


def _counts_rows(column: pd.Series) -> bool:
    """Whether it holds 0, 1, 2, ... or 1, 2, 3, ... in the order of the rows."""
    numbers = pd.to_numeric(column, errors="coerce")
    return len(column) > 2 and numbers.iloc[0] in (0, 1) and bool((numbers.diff()[1:] == 1).all())


def _seconds(table: pd.DataFrame) -> pd.Series:
    """What a trial took: Optuna's `duration`, or numbers in `duration` or `seconds`."""
    column = next((table[name] for name in ("duration", "seconds") if name in table), None)
    if column is None:
        return pd.Series(np.nan, index=table.index)
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers.fillna(pd.to_timedelta(column.where(numbers.isna()), errors="coerce").dt.total_seconds())
