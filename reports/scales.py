"""Hyperparameters on their own scales: from values to positions on [0, 1] and back to readable parts of a range.

A row of the space says how: `kind` range (with `low, high, log`), choice (with `options`) or fixed.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

Row = dict[str, Any]
MANY = 100_000  # whole numbers that are not listed


def is_numeric(row: Row) -> bool:
    """Whether a hyperparameter of the space has an order; strings have none."""
    return row["kind"] == "range" or (row["kind"] == "choice" and not isinstance(row["options"][0], str))


def ends(row: Row) -> tuple[float, float, bool]:
    """Lowest and highest value of a numeric hyperparameter, and whether its scale is logarithmic."""
    if row["kind"] == "range":
        return row["low"], row["high"], row["log"]
    low, high = min(row["options"]), max(row["options"])
    return low, high, low > 0


def scaled(values: Any, row: Row) -> np.ndarray:
    """Numeric values on [0, 1] along the scale and between the ends that the space gives them."""
    low, high, log = ends(row)
    transform = np.log if log else np.asarray
    return (transform(np.asarray(values, dtype=float)) - transform(low)) / (transform(high) - transform(low))


def unscaled(positions: Any, row: Row) -> np.ndarray:
    """The values that lie at positions on [0, 1]; whole numbers are not rounded."""
    low, high, log = ends(row)
    share = np.asarray(positions, dtype=float)
    return low * (high / low) ** share if log else low + (high - low) * share


def positions(values: pd.Series, row: Row) -> np.ndarray:
    """`scaled` values of a numeric hyperparameter; the number of its option, from 0, of another."""
    if is_numeric(row):
        return scaled(values, row)
    return np.array([row["options"].index(value) for value in values.astype(str)], dtype=float)


def at_quantiles(quantiles: np.ndarray, row: Row) -> np.ndarray:
    """The positions at quantiles in [0, 1] of a hyperparameter that is sampled evenly, as the design samples it."""
    if row["kind"] == "choice":
        count = len(row["options"])
        numbers = np.minimum((quantiles * count).astype(int), count - 1)
        return scaled(np.asarray(row["options"])[numbers], row) if is_numeric(row) else numbers.astype(float)
    if not isinstance(row["low"], int):
        return quantiles
    wider = {**row, "low": row["low"] - 0.5, "high": row["high"] + 0.5}
    return scaled(np.clip(np.rint(unscaled(quantiles, wider)), row["low"], row["high"]), row)


def line(values: pd.Series, row: Row) -> np.ndarray:
    """Columns `(n, k)` of a straight effect: the position on [-1, 1], or the levels but one, about their mean."""
    if is_numeric(row):
        return (2 * scaled(values, row) - 1)[:, None]
    levels = pd.get_dummies(values.astype(str)).to_numpy(float)
    return (levels - levels.mean(0))[:, :-1]


def normal_scores(outcome: np.ndarray) -> np.ndarray:
    """What standard normal values of the outcomes' ranks would be expected; equal outcomes score equally."""
    return stats.norm.ppf((stats.rankdata(outcome) - 0.5) / len(outcome))


def bucket(values: pd.Series, row: Row, buckets: int = 3) -> pd.Series:
    """Labels of equal parts of the range on its own scale; the values themselves where there are few."""
    if not is_numeric(row) or values.nunique() <= 4:
        return values.map(lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)).astype(str)
    numbers = _parts(values, row, buckets)
    labels = [f"{a:.3g} to {b:.3g}" for a, b in pairwise(unscaled(np.linspace(0, 1, buckets + 1), row))]
    low, high, _ = ends(row)
    if isinstance(low, int) and high - low < MANY:  # the whole numbers of each part
        whole = np.arange(low, high + 1)
        groups = [whole[_parts(whole, row, buckets) == part] for part in range(buckets)]
        labels = [f"{group.min()} to {group.max()}" for group in groups]
    return pd.Series(pd.Categorical([labels[i] for i in numbers], labels, ordered=True), index=values.index)


def _parts(values: Any, row: Row, count: int) -> np.ndarray:
    """In which of `count` equal parts of the range values lie, from 0."""
    return np.clip((scaled(values, row) * count).astype(int), 0, count - 1)
