"""Where a hyperparameter was searched, from the values that it took."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from hyperstudy.study.core.domains import Choice, Domain, Range

FEW = 6  # numbers up to which, each tried often, they are choices and no range
OFTEN = 3  # trials for each
MOST_LEVELS = 20  # of text: more look like identifiers
WIDE = 30  # times the lowest value from which a range may be logarithmic


def plain(column: pd.Series) -> pd.Series:
    """The column as floats if all of its values are finite numbers, otherwise as text. Missing values stay missing."""
    present = column.dropna()
    is_flag = present.map(lambda value: isinstance(value, bool | np.bool_)).any()
    numbers = pd.to_numeric(present, errors="coerce") if not is_flag else present.map(lambda _: np.nan)
    if len(present) and np.isfinite(numbers.astype(float)).all():
        # `map`: before version 3 pandas rounds the last digit of a text's number.
        return column.map(float, na_action="ignore").astype(float)
    return column.map(str, na_action="ignore").astype(object)


def infer(values: pd.Series) -> Domain | None:
    """The domain of values without gaps, numbers or text, of which there are at least two; None for text that looks
    like identifiers."""
    levels = sorted(values.unique())
    if values.dtype == object:
        return Choice(tuple(levels)) if len(levels) <= min(MOST_LEVELS, len(values) / OFTEN) else None
    whole = all(float(level).is_integer() for level in levels)
    kind = int if whole else float
    consecutive = whole and levels[-1] - levels[0] == len(levels) - 1
    if len(levels) <= min(FEW, len(values) / OFTEN) and not consecutive:
        return Choice(tuple(map(kind, levels)))
    return Range(kind(levels[0]), kind(levels[-1]), is_log(values))


def is_log(values: pd.Series) -> bool:
    """Whether positive values span well over a decade and lie more evenly on a logarithmic scale than on a linear one:
    uniform numbers from 0 to 1 span three decades if there are a thousand."""
    low, high = values.min(), values.max()
    if low <= 0 or high < WIDE * low:
        return False
    return _unevenness(np.log(values)) <= _unevenness(values)


def _unevenness(values: Any) -> float:
    """The largest distance between the distribution of values and an even one between their ends (Kolmogorov)."""
    array = np.asarray(values, dtype=float)
    return float(stats.kstest((array - array.min()) / np.ptp(array), "uniform").statistic)
