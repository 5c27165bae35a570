"""The exact truth of a table, over the space from which studies are drawn.

A point of the space is trained at the nearest level of every hyperparameter, so a level counts as much as the part of
the range that lies nearest to it. Means over five seeds are noisy themselves; where they are squared, their noise is
taken off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

import numpy as np
from scipy import stats

from hyperstudy.reports.analysis import LEARNED
from hyperstudy.study.core.domains import Domain
from tests.trials_of_others.tables import LEVELS, Table, space_plan

QUANTILES = (np.arange(20_000) + 0.5) / 20_000


@dataclass(frozen=True, eq=False)
class Truth:
    """What a perfect report of a table would say.

    `averages` holds every hyperparameter's mean accuracy by level, all else averaged over configurations that train;
    `interactions` the share of the variance of every pair beyond both first-order shares.
    """

    table: Table
    weights: np.ndarray  # (levels ...), of every configuration
    trains: np.ndarray  # (levels ...), the share of seeds with which it trains
    noise: float  # share of the variance of scores among configurations that train
    first: dict[str, float]
    total: dict[str, float]
    averages: dict[str, np.ndarray]
    interactions: dict[frozenset[str], float]


def nearest(domain: Domain, levels: tuple[float, ...], positions: np.ndarray) -> np.ndarray:
    """The number of the level nearest to each position."""
    return np.abs(positions[:, None] - domain.positions(levels)[None]).argmin(1)


def level_weights(domain: Domain, levels: tuple[float, ...]) -> np.ndarray:
    """The share of an evenly sampled space that is nearest to each level."""
    found = nearest(domain, levels, domain.positions_at(QUANTILES))
    return np.bincount(found, minlength=len(levels)) / len(found)


def table_weights() -> list[np.ndarray]:
    """The weights of the levels along every axis of the tables."""
    domains = space_plan().space
    return [level_weights(domains[name], levels) for name, levels in LEVELS.items()]


def truth_of(table: Table, weights: list[np.ndarray], names: tuple[str, ...] = tuple(LEVELS)) -> Truth:
    """The truth of a table whose levels have these weights along each axis."""
    chance = 1 / table.classes
    trained = table.accuracy > chance + LEARNED * (1 - chance)
    scores, joint = _scores(table.accuracy, trained, weights), reduce(np.multiply.outer, weights)
    count = trained.sum(-1)
    mean = np.where(trained, scores, 0).sum(-1) / np.maximum(count, 1)
    errors = _squared_errors(scores, trained, mean)
    seeds = (joint[..., None] * trained).ravel()
    spread = np.average((scores.ravel() - np.average(scores.ravel(), weights=seeds)) ** 2, weights=seeds)
    rate = trained.mean(-1)
    variance = _agreeing((), weights, rate, mean, errors)
    closed = {
        pair: (variance - _agreeing(pair, weights, rate, mean, errors)) / spread
        for size in (1, 2)
        for pair in combinations(range(len(names)), size)
    }
    places = range(len(names))
    others = {place: tuple(other for other in places if other != place) for place in places}
    return Truth(
        table,
        joint,
        rate,
        float(1 - variance / spread),
        {name: max(closed[place,], 0.0) for place, name in enumerate(names)},
        {
            name: max(_agreeing(others[place], weights, rate, mean, errors) / spread, 0.0)
            for place, name in enumerate(names)
        },
        {name: _average(table, joint, trained, place) for place, name in enumerate(names)},
        {
            frozenset((names[one], names[two])): closed[one, two] - closed[one,] - closed[two,]
            for one, two in combinations(places, 2)
        },
    )


def _scores(accuracy: np.ndarray, trained: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Normal scores of the weighted ranks of outcomes that trained; 0 for the others."""
    joint = np.broadcast_to(reduce(np.multiply.outer, weights)[..., None], accuracy.shape)[trained]
    _, places = np.unique(accuracy[trained], return_inverse=True)
    mass = np.bincount(places, weights=joint)
    ranks = (np.cumsum(mass) - mass / 2) / mass.sum()
    scores = np.zeros(accuracy.shape)
    scores[trained] = stats.norm.ppf(ranks)[places]
    return scores


def _squared_errors(scores: np.ndarray, trained: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The squared standard error of each configuration's mean; that of the table where one seed alone trained."""
    count = trained.sum(-1)
    squares = np.where(trained, (scores - mean[..., None]) ** 2, 0).sum(-1)
    pooled = squares[count > 1].sum() / max((count[count > 1] - 1).sum(), 1)
    return np.where(count > 1, squares / np.maximum(count - 1, 1), pooled) / np.maximum(count, 1)


def _agreeing(
    kept: tuple[int, ...], weights: list[np.ndarray], rate: np.ndarray, mean: np.ndarray, errors: np.ndarray
) -> float:
    """Half the mean squared difference of two configurations that both train and agree in the `kept` axes."""
    moved = [axis for axis in range(mean.ndim) if axis not in kept]

    def rows(values: np.ndarray) -> np.ndarray:
        front = np.transpose(values, (*kept, *moved))
        return front.reshape(int(np.prod(front.shape[: len(kept)])), -1)

    group = reduce(np.multiply.outer, [weights[axis] for axis in kept], np.ones(())).ravel()
    member = reduce(np.multiply.outer, [weights[axis] for axis in moved], np.ones(())).ravel() * rows(rate)
    values, noise, whole = rows(mean), rows(errors), member.sum(1)
    squares = whole * (member * values**2).sum(1) - (member * values).sum(1) ** 2
    squares -= (member * (whole[:, None] - member) * noise).sum(1)
    return float(group @ squares / (group @ whole**2))


def _average(table: Table, joint: np.ndarray, trained: np.ndarray, place: int) -> np.ndarray:
    """Mean accuracy by level over all configurations of the others that train; 0 where none does."""
    axes = tuple(axis for axis in range(table.accuracy.ndim) if axis != place)
    counted = joint[..., None] * trained
    return (table.accuracy * counted).sum(axes) / np.maximum(counted.sum(axes), 1e-12)


def along(domain: Domain, levels: tuple[float, ...], values: np.ndarray, position: float) -> float:
    """The value at a position, straight between levels."""
    return float(np.interp(position, domain.positions(levels), values))


def failure_rates(truth: Truth, beyond: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """The true rates of failure where all of these levels (masks) hold, and elsewhere."""
    inside = np.ones(truth.weights.shape)
    for name, mask in beyond.items():
        place = list(LEVELS).index(name)
        inside *= mask.reshape([-1 if axis == place else 1 for axis in range(inside.ndim)])
    rates = (np.average(1 - truth.trains, weights=truth.weights * part) for part in (inside, 1 - inside))
    return tuple(float(rate) for rate in rates)
