"""The limit of a hyperparameter at which half of the trials fail, by ridge logistic regression.

The ridge keeps the fit finite, since failures are often separated perfectly.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from hyperstudy.reports.statistics.breakpoints import Edge
from hyperstudy.reports.statistics.scales import Domains, bucket, line, varied

RESAMPLES = 200
PENALTY = 100.0  # the inverse of the ridge
STEPS, LARGEST_STEP = 60, 4.0  # of Newton's method


class Limit(NamedTuple):
    """The value at which half of the trials fail, with its bootstrap interval."""

    value: float
    low: float
    high: float


class Limits(NamedTuple):
    """The limit over all trials, and by hyperparameter and level of each other one; None if outside of the range."""

    overall: Limit | None
    levels: dict[tuple[str, str], Limit | None]


def limits(runs: pd.DataFrame, failed: pd.Series, domains: Domains, edge: Edge, seed: int = 0) -> Limits:
    """The limits of one numeric hyperparameter, alone and beside each other one.

    Failures at the other end of the range, such as learning rates that are too small, are left out.
    """
    domain, bad = domains[edge.name], failed.to_numpy(bool)
    position = domain.positions(runs[edge.name])
    middle = np.median(position[~bad])
    kept = ~bad | ((position > middle) if edge.side == "above" else (position < middle))
    counts = _resamples(bad[kept], np.random.default_rng(seed))

    def limit(others: np.ndarray, at: np.ndarray) -> Limit | None:
        features = np.column_stack([np.ones(kept.sum()), position[kept], others[kept]])
        fits = fit(features, bad[kept], counts)
        halves = -(fits[:, 0] + fits[:, 2:] @ at) / fits[:, 1]
        if not 0 <= halves[0] <= 1:
            return None
        low, high = np.quantile(np.clip(halves, 0, 1), [0.025, 0.975])
        return Limit(*domain.values([halves[0], low, high]).tolist())

    levels = {}
    for name, other in varied(runs, domains).items():
        if name != edge.name:
            block = line(runs[name], other)
            for level, rows in pd.Series(range(len(runs))).groupby(bucket(runs[name], other).to_numpy()):
                levels[name, str(level)] = limit(block, block[rows].mean(0))
    return Limits(limit(np.empty((len(runs), 0)), np.empty(0)), levels)


def _resamples(outcome: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How often each trial counts: once in the first row, then in bootstrap samples that hold both outcomes."""
    rows = [np.ones(len(outcome))]
    while len(rows) <= RESAMPLES:
        count = np.bincount(rng.integers(len(outcome), size=len(outcome)), minlength=len(outcome))
        if 0 < (count * outcome).sum() < count.sum():
            rows.append(count.astype(float))
    return np.array(rows)


def fit(features: np.ndarray, outcome: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Coefficients `(resamples, k)` of logistic regressions on `(n, k)` features, the first an unpenalised intercept.

    All resamples at once by Newton's method, fifty times as fast as one after the other.
    """
    ridge = np.diag([1e-9, *[1 / PENALTY] * (features.shape[1] - 1)])
    found, k = np.zeros((len(counts), features.shape[1])), features.shape[1]
    squares = np.einsum("ni,nj->nij", features, features).reshape(len(features), -1)
    for _ in range(STEPS):
        chance = special.expit(found @ features.T)
        slope = (counts * (outcome - chance)) @ features - found @ ridge
        curve = (counts * np.maximum(chance * (1 - chance), 1e-6) @ squares).reshape(-1, k, k) + ridge
        step = np.linalg.solve(curve, slope[..., None])[..., 0]
        found += step / np.maximum(1, np.abs(step).max(1, keepdims=True) / LARGEST_STEP)
    return found
