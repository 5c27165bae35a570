"""Where training breaks: which hyperparameters tell the trials that failed from those that trained, and from where on.

A numeric hyperparameter is cut where the two sides differ most; the p value counts how often shuffled failures differ
as much somewhere (maximally selected statistics, Miller & Siegmund 1982). The limit, beyond which half of the trials
fail, is that of a ridge logistic regression on all hyperparameters, since failures are often separated perfectly.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from reports.influence import holm
from reports.scales import Row, bucket, is_numeric, line, scaled, unscaled
from reports.stats import Estimate, rate

SHUFFLES, RESAMPLES = 2000, 200
FEWEST = 3  # failures, and trials that trained
PENALTY = 10.0  # sklearn's C: weak, yet a perfect separation stays finite
LEVEL = 0.05


class Limit(NamedTuple):
    """The value beyond which half of the trials fail, all others at their default, with its bootstrap interval."""

    value: float
    low: float
    high: float


class Break(NamedTuple):
    """How failures depend on one hyperparameter: their rate `beyond` the cut, or at the worst level, and `within`.

    `side` is 'above' or 'below' for a numeric hyperparameter and 'at' for another.
    """

    name: str
    side: str
    cut: float | str
    beyond: Estimate
    within: Estimate
    p_holm: float

    @property
    def found(self) -> bool:
        return self.p_holm < LEVEL


def breaks(runs: pd.DataFrame, failed: pd.Series, space: Mapping[str, Row], seed: int = 0) -> list[Break]:
    """How failures depend on every searched hyperparameter, the clearest first; empty with too few of either kind."""
    bad = failed.to_numpy(bool)
    if min(bad.sum(), (~bad).sum()) < FEWEST:
        return []
    searched = {name: row for name, row in space.items() if row["kind"] != "fixed" and runs[name].nunique() > 1}
    shuffled = np.random.default_rng(seed).permuted(np.tile(bad, (SHUFFLES, 1)), axis=1)
    outcomes = np.vstack([bad, shuffled])
    scanned = {name: _scan(runs[name], row, outcomes) for name, row in searched.items()}
    corrected = holm([p for _, _, p in scanned.values()])
    rows = []
    for (name, (side, beyond, _)), p in zip(scanned.items(), corrected, strict=True):
        inside, outside = bad[~beyond], bad[beyond]
        cut = runs[name][beyond].min() if side == "above" else runs[name][beyond].max()
        cut = runs[name][beyond].iloc[0] if side == "at" else float(cut)
        rates = rate(int(outside.sum()), len(outside)), rate(int(inside.sum()), len(inside))
        rows.append(Break(name, side, cut, *rates, p))
    return sorted(rows, key=lambda row: (row.p_holm, row.within.mean - row.beyond.mean))


def _scan(values: pd.Series, row: Row, outcomes: np.ndarray) -> tuple[str, np.ndarray, float]:
    """The side and the trials beyond the cut that tells most, and the p value of its telling so much."""
    if is_numeric(row):
        masks = [(values >= cut).to_numpy() for cut in np.unique(values)[1:]]
    else:
        masks = [(values.astype(str) == level).to_numpy() for level in sorted(values.astype(str).unique())]
    sets = np.array(masks, dtype=float)
    inside, n = sets.sum(1), len(values)
    hits = outcomes @ sets.T
    share = outcomes[0].mean()
    excess = hits / inside - (outcomes.sum(1)[:, None] - hits) / (n - inside)
    told = excess / np.sqrt(share * (1 - share) * (1 / inside + 1 / (n - inside)))
    strength = np.abs(told) if is_numeric(row) else told
    best = int(strength[0].argmax())
    p = float((strength.max(1) >= strength[0, best] - 1e-9).mean())
    beyond = masks[best] if told[0, best] > 0 else ~masks[best]
    side = ("above" if told[0, best] > 0 else "below") if is_numeric(row) else "at"
    return side, beyond, p


class Logistic(NamedTuple):
    """Coefficients `(1 + RESAMPLES, 2 + others)` of failing: intercept, position along one hyperparameter, others.

    The first row is fitted to the trials themselves; `levels` holds, by hyperparameter and level, what the others are
    there, where all of them together have the mean 0.
    """

    row: Row
    coefficients: np.ndarray
    levels: dict[tuple[str, str], np.ndarray]

    def limit(self, others: np.ndarray | None = None) -> Limit | None:
        """Where half of the trials fail; None where that lies outside the range."""
        at = np.zeros(self.coefficients.shape[1] - 2) if others is None else others
        edges = -(self.coefficients[:, 0] + self.coefficients[:, 2:] @ at) / self.coefficients[:, 1]
        if not 0 <= edges[0] <= 1:
            return None
        low, high = np.quantile(np.clip(edges, 0, 1), [0.025, 0.975])
        return Limit(*(float(value) for value in unscaled([edges[0], low, high], self.row)))


def logistic(runs: pd.DataFrame, failed: pd.Series, space: Mapping[str, Row], one: Break, seed: int = 0) -> Logistic:
    """A ridge logistic regression of failing on one numeric hyperparameter and all others, and its resamples.

    Failures on the other side of the trials that trained, such as learning rates too small, are another matter.
    """
    bad, position = failed.to_numpy(bool), scaled(runs[one.name], space[one.name])
    middle = np.median(position[~bad])
    kept = ~bad | ((position > middle) if one.side == "above" else (position < middle))
    names = [name for name, row in space.items() if row["kind"] != "fixed" and name != one.name]
    blocks = {name: line(runs[name], space[name]) for name in names if runs[name].nunique() > 1}
    blocks = {name: block - block[kept].mean(0) for name, block in blocks.items()}
    features, outcome = np.column_stack([position, *blocks.values()])[kept], bad[kept]
    rng, fits = np.random.default_rng(seed), [_fit(features, outcome)]
    while len(fits) <= RESAMPLES:
        rows = rng.integers(len(outcome), size=len(outcome))
        if 0 < outcome[rows].sum() < len(rows):
            fits.append(_fit(features[rows], outcome[rows]))
    return Logistic(space[one.name], np.array(fits), _levels(runs, space, blocks))


def _fit(features: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=PENALTY, tol=1e-3).fit(features, outcome)
    return np.concatenate([fitted.intercept_, fitted.coef_[0]])


def _levels(runs: pd.DataFrame, space: Mapping[str, Row], blocks: dict[str, np.ndarray]) -> dict:
    """The mean features of every level, or third of a range, of each other hyperparameter, the rest at their mean."""
    levels, start = {}, 0
    for name, block in blocks.items():
        for level, rows in pd.Series(range(len(runs))).groupby(bucket(runs[name], space[name]).to_numpy()):
            features = np.zeros(sum(other.shape[1] for other in blocks.values()))
            features[start : start + block.shape[1]] = block[rows].mean(0)
            levels[name, str(level)] = features
        start += block.shape[1]
    return levels
