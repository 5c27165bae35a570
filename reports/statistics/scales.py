"""Hyperparameters as model columns, grids and readable parts of a range; outcomes as normal scores."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from hyperstudy.study.comparisons.arms import short
from hyperstudy.study.core.domains import Domain

Domains = Mapping[str, Domain]  # of the searched hyperparameters, by name

GRID = 41  # points along a range
MANY = 100_000  # whole numbers that are not listed


def varied(runs: pd.DataFrame, domains: Domains) -> dict[str, Domain]:
    """The hyperparameters that take more than one value in these runs."""
    return {name: domain for name, domain in domains.items() if runs[name].nunique() > 1}


def grid(domain: Domain) -> np.ndarray:
    """Evenly spaced positions along a range; the position of every level of an unordered hyperparameter."""
    return np.linspace(0, 1, GRID) if domain.numeric else np.arange(len(domain.ends), dtype=float)


def line(values: pd.Series, domain: Domain) -> np.ndarray:
    """Columns `(n, k)` of a linear effect: the position on [-1, 1], or one centred indicator per level but the last."""
    if domain.numeric:
        return (2 * domain.positions(values) - 1)[:, None]
    levels = pd.get_dummies(values.astype(str)).to_numpy(float)
    return (levels - levels.mean(0))[:, :-1]


def normal_scores(outcome: np.ndarray) -> np.ndarray:
    """The standard normal quantile of each outcome's rank; equal outcomes score equally."""
    return stats.norm.ppf((stats.rankdata(outcome) - 0.5) / len(outcome))


def bucket(values: pd.Series, domain: Domain, buckets: int = 3) -> pd.Series:
    """Labels of equal parts of the range on its own scale; the values themselves where there are few."""
    if not domain.numeric or values.nunique() <= 4:
        return values.map(short)
    labels = _labels(domain, buckets)
    numbers = _parts(values, domain, buckets)
    return pd.Series(pd.Categorical([labels[i] for i in numbers], labels, ordered=True), index=values.index)


def _labels(domain: Domain, buckets: int) -> list[str]:
    low, high = min(domain.ends), max(domain.ends)
    if not isinstance(low, int) or high - low >= MANY:
        return [f"{a:.3g} to {b:.3g}" for a, b in pairwise(domain.values(np.linspace(0, 1, buckets + 1)))]
    whole = np.arange(low, high + 1)
    groups = [whole[_parts(whole, domain, buckets) == part] for part in range(buckets)]
    return [f"{group.min()} to {group.max()}" for group in groups]


def _parts(values: Any, domain: Domain, count: int) -> np.ndarray:
    """In which of `count` equal parts of the range values lie, from 0."""
    return np.clip((domain.positions(values) * count).astype(int), 0, count - 1)
