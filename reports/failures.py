"""Where training breaks: which hyperparameters tell the trials that failed from those that trained, and from where on.

A numeric hyperparameter is cut where the two sides differ most; the p value counts how often shuffled failures differ
as much somewhere (maximally selected statistics, Miller & Siegmund 1982). Where none does so alone, pairs are cut at a
corner: beyond both cuts. The limit, at which a trial fails as often as not, is that of a ridge logistic regression,
since failures are often separated perfectly.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from reports.influence import holm
from reports.scales import Row, bucket, is_numeric, line, scaled, unscaled
from reports.stats import Estimate, rate

SHUFFLES, RESAMPLES = 2000, 200
FEWEST = 3  # failures, and trials that trained
PENALTY = 100.0  # the inverse of the ridge: weak, yet a perfect separation stays finite
STEPS, LARGEST_STEP = 60, 4.0  # of Newton's method
LEVEL, CORNER_LEVEL = 0.05, 0.01
CUTS = 12  # of a range, at most, at which a pair is tried


class Limit(NamedTuple):
    """The value at which a trial fails as often as not, with its bootstrap interval."""

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


class Edge(NamedTuple):
    """One side of a corner, as in `Break`."""

    name: str
    side: str
    cut: float | str


class Corner(NamedTuple):
    """Two hyperparameters beyond whose cuts, both at once, trials fail."""

    edges: tuple[Edge, Edge]
    beyond: Estimate
    within: Estimate
    p_holm: float


def corners(runs: pd.DataFrame, failed: pd.Series, space: Mapping[str, Row], seed: int = 0) -> list[Corner]:
    """The pairs found to fail together, the clearest first; empty with too few failures, or trials that trained.

    To be asked where no hyperparameter is found alone, of which it knows nothing.
    """
    bad = failed.to_numpy(bool)
    if min(bad.sum(), (~bad).sum()) < FEWEST:
        return []
    outcomes = np.vstack([bad, np.random.default_rng(seed).permuted(np.tile(bad, (SHUFFLES, 1)), axis=1)])
    searched = [name for name, row in space.items() if row["kind"] != "fixed" and runs[name].nunique() > 1]
    edges = {name: _edges(runs[name], space[name]) for name in searched}
    found = [_corner(edges[one], edges[two], outcomes) for one, two in combinations(searched, 2)]
    p_values = holm([p for _, _, p in found]) if found else []
    rows = []
    for (pair, beyond, _), p in zip(found, p_values, strict=True):
        if p < CORNER_LEVEL:
            rates = (rate(int(bad[mask].sum()), int(mask.sum())) for mask in (beyond, ~beyond))
            rows.append(Corner(pair, *rates, p))
    return sorted(rows, key=lambda row: (row.p_holm, row.within.mean - row.beyond.mean))


def _edges(values: pd.Series, row: Row) -> list[tuple[Edge, np.ndarray]]:
    """Every side of a hyperparameter that a corner may have, with the trials on it."""
    if not is_numeric(row):
        texts = values.astype(str)
        return [(Edge(values.name, "at", level), (texts == level).to_numpy()) for level in sorted(texts.unique())]
    levels = np.unique(values)
    cuts = levels[np.unique(np.linspace(0, len(levels) - 1, CUTS + 2).astype(int))]
    above = [(Edge(values.name, "above", float(cut)), (values >= cut).to_numpy()) for cut in cuts[1:]]
    return above + [(Edge(values.name, "below", float(cut)), (values <= cut).to_numpy()) for cut in cuts[:-1]]


def _corner(
    ones: list[tuple[Edge, np.ndarray]], twos: list[tuple[Edge, np.ndarray]], outcomes: np.ndarray
) -> tuple[tuple[Edge, Edge], np.ndarray, float]:
    """The corner of two hyperparameters that tells most, the trials in it, and the p value of its telling so much."""
    sets = np.array([one & two for _, one in ones for _, two in twos])
    pairs = [(one, two) for one, _ in ones for two, _ in twos]
    inside = sets.sum(1)
    kept = (inside >= FEWEST) & (inside < outcomes.shape[1])
    told = _told(outcomes, sets[kept].astype(float))
    best = int(told[0].argmax())
    p = float((told.max(1) >= told[0, best] - 1e-9).mean())
    place = int(np.flatnonzero(kept)[best])
    return pairs[place], sets[place], p


def _told(outcomes: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """How many standard errors more often trials fail in each set than outside of it, `(outcomes, sets)`."""
    inside, n = sets.sum(1), sets.shape[1]
    hits, share = outcomes @ sets.T, outcomes[0].mean()
    excess = hits / inside - (outcomes.sum(1)[:, None] - hits) / (n - inside)
    return excess / np.sqrt(share * (1 - share) * (1 / inside + 1 / (n - inside)))


def _scan(values: pd.Series, row: Row, outcomes: np.ndarray) -> tuple[str, np.ndarray, float]:
    """The side and the trials beyond the cut that tells most, and the p value of its telling so much."""
    if is_numeric(row):
        masks = [(values >= cut).to_numpy() for cut in np.unique(values)[1:]]
    else:
        masks = [(values.astype(str) == level).to_numpy() for level in sorted(values.astype(str).unique())]
    told = _told(outcomes, np.array(masks, dtype=float))
    strength = np.abs(told) if is_numeric(row) else told
    best = int(strength[0].argmax())
    p = float((strength.max(1) >= strength[0, best] - 1e-9).mean())
    beyond = masks[best] if told[0, best] > 0 else ~masks[best]
    side = ("above" if told[0, best] > 0 else "below") if is_numeric(row) else "at"
    return side, beyond, p


class Logistic(NamedTuple):
    """Where a trial fails as often as not along one numeric hyperparameter, over all trials, and by hyperparameter and
    level of each other one; None where that lies outside the range."""

    limit: Limit | None
    levels: dict[tuple[str, str], Limit | None]


def logistic(runs: pd.DataFrame, failed: pd.Series, space: Mapping[str, Row], one: Break, seed: int = 0) -> Logistic:
    """Ridge logistic regressions of failing on one numeric hyperparameter, alone and beside each other one.

    Failures on the other side of the trials that trained, such as learning rates too small, are another matter.
    """
    bad, position = failed.to_numpy(bool), scaled(runs[one.name], space[one.name])
    middle = np.median(position[~bad])
    kept = ~bad | ((position > middle) if one.side == "above" else (position < middle))
    counts = _resamples(bad[kept], np.random.default_rng(seed))

    def limit(others: np.ndarray, at: np.ndarray) -> Limit | None:
        features = np.column_stack([np.ones(kept.sum()), position[kept], others[kept]])
        fits = _fit(features, bad[kept], counts)
        edges = -(fits[:, 0] + fits[:, 2:] @ at) / fits[:, 1]
        if not 0 <= edges[0] <= 1:
            return None
        low, high = np.quantile(np.clip(edges, 0, 1), [0.025, 0.975])
        return Limit(*(float(value) for value in unscaled([edges[0], low, high], space[one.name])))

    levels = {}
    for name, row in space.items():
        if row["kind"] != "fixed" and name != one.name and runs[name].nunique() > 1:
            block = line(runs[name], row)
            for level, rows in pd.Series(range(len(runs))).groupby(bucket(runs[name], row).to_numpy()):
                levels[name, str(level)] = limit(block, block[rows].mean(0))
    return Logistic(limit(np.empty((len(runs), 0)), np.empty(0)), levels)


def _resamples(outcome: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How often each trial counts: once in the first row, then as a bootstrap drew it, each time with both outcomes."""
    rows = [np.ones(len(outcome))]
    while len(rows) <= RESAMPLES:
        count = np.bincount(rng.integers(len(outcome), size=len(outcome)), minlength=len(outcome))
        if 0 < (count * outcome).sum() < count.sum():
            rows.append(count.astype(float))
    return np.array(rows)


def _fit(features: np.ndarray, outcome: np.ndarray, counts: np.ndarray) -> np.ndarray:
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
