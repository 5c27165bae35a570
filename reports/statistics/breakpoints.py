"""Where training fails: the cuts that separate the trials that failed from those that trained.

A numeric hyperparameter is cut where the failure rates of the two sides differ most. The p value says how often
shuffled failures differ as much at any cut (maximally selected statistics, Miller & Siegmund 1982). If no single
hyperparameter is found, pairs are cut: trials fail beyond both cuts.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from hyperstudy.reports.statistics.intervals import Interval, rate
from hyperstudy.reports.statistics.scales import Domains, varied
from hyperstudy.reports.statistics.verdicts import holm
from hyperstudy.study.core.domains import Domain

SHUFFLES = 2000
FEWEST = 3  # failures, and trials that trained
LEVEL, PAIR_LEVEL = 0.05, 0.01
CUTS = 12  # of a range, at most, that are tried in a pair


class Edge(NamedTuple):
    """A cut: `side` is 'above' or 'below' for a numeric hyperparameter, and 'at' for the level of another."""

    name: str
    side: str
    cut: float | str


class Break(NamedTuple):
    """The failure rate `beyond` one edge, or beyond two at once, and `within`, among all other trials.

    `p` is corrected for all breaks that were tried with it; `found` says whether it is below the level.
    """

    edges: tuple[Edge, ...]
    beyond: Interval
    within: Interval
    p: float
    found: bool


Side = tuple[Edge, np.ndarray]  # with a mask of the trials beyond it
Cut = tuple[tuple[Edge, ...], np.ndarray, float]  # edges, a mask of the trials beyond all of them, and a p value


def breaks(runs: pd.DataFrame, failed: pd.Series, domains: Domains, seed: int = 0) -> list[Break]:
    """The strongest cut of every hyperparameter, the clearest first; empty with too few failed or trained runs."""
    outcomes = _shuffled(failed, seed)
    if outcomes is None:
        return []
    scanned = [_scan(runs[name], domain, outcomes) for name, domain in varied(runs, domains).items()]
    return _ranked([((edge,), beyond, p) for edge, beyond, p in scanned], outcomes[0], LEVEL)


def pair_breaks(runs: pd.DataFrame, failed: pd.Series, domains: Domains, seed: int = 0) -> list[Break]:
    """The strongest pair of cuts of every two hyperparameters, the clearest first; empty as for `breaks`.

    Meant for studies without a single hyperparameter that is found: it does not adjust for one.
    """
    outcomes = _shuffled(failed, seed)
    if outcomes is None:
        return []
    sides = [_sides(runs[name], domain) for name, domain in varied(runs, domains).items()]
    found = [pair for one, two in combinations(sides, 2) if (pair := _strongest_pair(one, two, outcomes)) is not None]
    return _ranked(found, outcomes[0], PAIR_LEVEL)


def _shuffled(failed: pd.Series, seed: int) -> np.ndarray | None:
    """Failures `(1 + SHUFFLES, runs)`, the first row as they were; None with too few failed or trained runs."""
    bad = failed.to_numpy(bool)
    if min(bad.sum(), (~bad).sum()) < FEWEST:
        return None
    return np.vstack([bad, np.random.default_rng(seed).permuted(np.tile(bad, (SHUFFLES, 1)), axis=1)])


def _ranked(found: Sequence[Cut], bad: np.ndarray, level: float) -> list[Break]:
    rows = []
    for (edges, beyond, _), p in zip(found, holm([p for *_, p in found]), strict=True):
        there, elsewhere = (rate(int(bad[mask].sum()), int(mask.sum())) for mask in (beyond, ~beyond))
        rows.append(Break(edges, there, elsewhere, p, p < level))
    return sorted(rows, key=lambda row: (row.p, row.within.mean - row.beyond.mean))


def _scan(values: pd.Series, domain: Domain, outcomes: np.ndarray) -> tuple[Edge, np.ndarray, float]:
    """The edge with the largest difference in failure rate, the trials beyond it, and its permutation p value."""
    sides = _levels(values) if not domain.numeric else _cuts(values, "above", np.unique(values)[1:])
    excess = _excess(outcomes, np.array([mask for _, mask in sides], dtype=float))
    best, p = _strongest(np.abs(excess) if domain.numeric else excess)
    edge, beyond = sides[best]
    if domain.numeric and excess[0, best] <= 0:
        beyond = ~beyond
        edge = Edge(values.name, "below", float(values[beyond].max()))
    return edge, beyond, p


def _levels(values: pd.Series) -> list[Side]:
    texts = values.astype(str)
    return [(Edge(values.name, "at", level), (texts == level).to_numpy()) for level in sorted(texts.unique())]


def _cuts(values: pd.Series, side: str, cuts: np.ndarray) -> list[Side]:
    masks = [values >= cut if side == "above" else values <= cut for cut in cuts]
    return [(Edge(values.name, side, float(cut)), mask.to_numpy()) for cut, mask in zip(cuts, masks, strict=True)]


def _sides(values: pd.Series, domain: Domain) -> list[Side]:
    """Every edge that a pair may have."""
    if not domain.numeric:
        return _levels(values)
    levels = np.unique(values)
    cuts = levels[np.unique(np.linspace(0, len(levels) - 1, CUTS + 2).astype(int))]
    return _cuts(values, "above", cuts[1:]) + _cuts(values, "below", cuts[:-1])


def _strongest_pair(ones: list[Side], twos: list[Side], outcomes: np.ndarray) -> Cut | None:
    """The pair of edges with the largest difference in failure rate, the trials beyond both, and its permutation p
    value; None if too few trials lie beyond any pair."""
    sets = np.array([one & two for _, one in ones for _, two in twos])
    pairs = [(one, two) for one, _ in ones for two, _ in twos]
    inside = sets.sum(1)
    kept = np.flatnonzero((inside >= FEWEST) & (inside < outcomes.shape[1]))
    if not len(kept):
        return None
    best, p = _strongest(_excess(outcomes, sets[kept].astype(float)))
    return pairs[kept[best]], sets[kept[best]], p


def _strongest(strength: np.ndarray) -> tuple[int, float]:
    """The strongest set of the first row, and the share of rows with one at least as strong."""
    best = int(strength[0].argmax())
    return best, float((strength.max(1) >= strength[0, best] - 1e-9).mean())


def _excess(outcomes: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """How many standard errors more often trials fail in each set than outside of it, `(outcomes, sets)`."""
    inside, n = sets.sum(1), sets.shape[1]
    hits, share = outcomes @ sets.T, outcomes[0].mean()
    excess = hits / inside - (outcomes.sum(1)[:, None] - hits) / (n - inside)
    return excess / np.sqrt(share * (1 - share) * (1 / inside + 1 / (n - inside)))
